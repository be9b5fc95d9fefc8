//! Fields taken from bytes by FORMAT.md's tables, whatever the bytes are.

use serde_json::Value;

use crate::node::{Field, Node};

/// A line of a table: offset, size, name, how it is read.
pub(crate) type Line = (usize, usize, &'static str, How);

/// How the bytes of a field are read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum How {
    /// A little-endian number.
    Number,
    /// A checksum or other number that people compare in hex.
    Hex,
    /// A number with these names, from 1 on.
    Names(&'static [&'static str]),
    /// An id or magic.
    Bytes,
    /// A page pointer of 48 bytes.
    Pointer,
}

const POINTER: &[Line] = &[
    (0, 8, "segment", How::Number),
    (8, 4, "offset", How::Number),
    (12, 4, "crc32c", How::Hex),
    (16, 8, "copy_segment", How::Number),
    (24, 4, "copy_offset", How::Number),
    (28, 4, "delta_bytes", How::Number),
    (32, 8, "delta_segment", How::Number),
    (40, 4, "delta_offset", How::Number),
    (44, 4, "delta_crc32c", How::Hex),
];

impl Node {
    /// Adds the fields of `table`. What is cut off is left out and said.
    pub(crate) fn table(&mut self, bytes: &[u8], table: &[Line]) {
        self.table_at(bytes, 0, "", table);
    }

    fn table_at(&mut self, bytes: &[u8], base: usize, prefix: &str, table: &[Line]) {
        for (offset, size, name, how) in table {
            let offset = base + offset;
            let name = format!("{prefix}{name}");
            let Some(field) = bytes.get(offset..offset + size) else {
                self.problem(format!("it is cut off before {name}"));
                return;
            };
            if let How::Pointer = how {
                self.pointer(bytes, offset, &name);
                continue;
            }
            let (value, meaning) = read(field, *how);
            self.fields.push(Field {
                name,
                offset: Some(offset),
                value,
                meaning,
            });
        }
    }

    /// All fields of a pointer, or one that says that there is none.
    fn pointer(&mut self, bytes: &[u8], offset: usize, name: &str) {
        let is_none = bytes
            .get(offset..offset + 48)
            .is_some_and(|pointer| pointer.iter().all(|byte| *byte == 0));
        if is_none {
            self.fields.push(Field {
                name: name.to_owned(),
                offset: Some(offset),
                value: Value::Null,
                meaning: Some("no page".to_owned()),
            });
            return;
        }
        self.table_at(bytes, offset, &format!("{name}."), POINTER);
    }
}

fn read(field: &[u8], how: How) -> (Value, Option<String>) {
    match how {
        How::Number => (number(field, 0).into(), None),
        How::Hex => {
            let digits = field.len() * 2;
            (format!("{:0digits$x}", number(field, 0)).into(), None)
        }
        How::Names(names) => {
            let number = number(field, 0);
            let index = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
            let name = index.and_then(|index| names.get(index));
            (number.into(), name.map(|name| (*name).to_owned()))
        }
        How::Bytes | How::Pointer => (hex(field).into(), readable(field)),
    }
}

/// The little-endian number of up to eight bytes at `offset`; bytes that are not there are zero.
pub(crate) fn number(bytes: &[u8], offset: usize) -> u64 {
    let mut all = [0; 8];
    for (to, from) in all.iter_mut().zip(bytes.iter().skip(offset)) {
        *to = *from;
    }
    u64::from_le_bytes(all)
}

/// The number of `size` bytes at `offset`.
pub(crate) fn sized(bytes: &[u8], offset: usize, size: usize) -> Option<u64> {
    let end = offset.checked_add(size)?;
    bytes.get(offset..end).map(|bytes| number(bytes, 0))
}

/// Bytes in hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A magic as text, if it is one.
fn readable(bytes: &[u8]) -> Option<String> {
    let text = bytes.strip_suffix(&[0x1a]).unwrap_or(bytes);
    let is_text = text.len() >= 4 && text.iter().all(u8::is_ascii_graphic);
    is_text.then(|| String::from_utf8_lossy(text).into_owned())
}
