//! Contents: extents, small ones, and pieces.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use engine_base::limits::BLOCK_BYTES;
use engine_base::{DatasetId, to_usize};
use engine_format::{
    BucketKey, ContentForm, ExtentRef, Inode, InodeId, PieceRecord, Unit, decompress_unit,
};
use engine_pool::LostKeys;

use super::{Copy, Done, Ended, MissingRow, at};

/// Whose bytes are copied, in words.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    dataset: &'a str,
    key: &'a [u8],
}

impl<'a> Owner<'a> {
    pub(super) const fn of(dataset: &'a str, key: &'a [u8]) -> Self {
        Self { dataset, key }
    }

    pub(super) fn name(&self) -> String {
        if self.key.is_empty() {
            return self.dataset.to_owned();
        }
        format!("{}/{}", self.dataset, String::from_utf8_lossy(self.key))
    }
}

type To<'a> = (&'a File, &'a Path);

impl Copy<'_> {
    /// Writes what is good of an extent that begins at a byte of an object, up to an end.
    pub(super) fn extent(
        &mut self,
        owner: &Owner<'_>,
        (file, path): To<'_>,
        (start, end): (u64, u64),
        extent: &ExtentRef<'_>,
    ) -> Done {
        let (stored, good) = self.salvage.read(extent);
        (self.progress)(extent.bytes().into());
        let skip = usize::from(extent.skip());
        let to = skip + to_usize(u64::from(extent.bytes()).min(end.saturating_sub(start)));
        if let Some(unit) = extent.codec().unit() {
            let unit = good.iter().all(|is_good| *is_good).then_some(unit);
            return self.part_of_unit(owner, (file, path), start, skip..to, (unit, &stored));
        }
        for (block, is_good) in good.into_iter().enumerate() {
            let first = (block * BLOCK_BYTES).max(skip);
            let last = ((block + 1) * BLOCK_BYTES).min(to);
            if first >= last {
                continue;
            }
            let offset = start + (first - skip) as u64;
            if !is_good {
                self.missing_range(owner, offset, (last - first) as u64)?;
                continue;
            }
            let bytes = stored.get(first..last).unwrap_or_default();
            file.write_all_at(bytes, offset)
                .map_err(at("writing", path))?;
            self.report.bytes += bytes.len() as u64;
        }
        Ok(())
    }

    /// Writes a part of a unit, to a byte of the object, if all that is stored of it is good.
    fn part_of_unit(
        &mut self,
        owner: &Owner<'_>,
        (file, path): To<'_>,
        start: u64,
        part: Range<usize>,
        (unit, stored): (Option<Unit>, &[u8]),
    ) -> Done {
        let mut bytes = vec![0; unit.map_or(0, |unit| to_usize(unit.bytes().into()))];
        let decoded = unit.and_then(|unit| decompress_unit(&unit, stored, &mut bytes).ok());
        let Some(bytes) = decoded.and_then(|()| bytes.get(part.clone())) else {
            return self.missing_range(owner, start, part.len() as u64);
        };
        file.write_all_at(bytes, start)
            .map_err(at("writing", path))?;
        self.report.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Writes the content of an inode.
    pub(super) fn content(
        &mut self,
        dataset: DatasetId,
        owner: &Owner<'_>,
        to: To<'_>,
        inode: &Inode,
    ) -> Done {
        let (file, path) = to;
        file.set_len(inode.size).map_err(at("sizing", path))?;
        match inode.content {
            ContentForm::None => Ok(()),
            ContentForm::Small => match self.small(dataset, inode.id)? {
                Some(bytes) => {
                    let length = bytes.len().min(to_usize(inode.size));
                    let written = file.write_all_at(&bytes[..length], 0);
                    self.report.bytes += length as u64;
                    written.map_err(at("writing", path))
                }
                None if inode.size > 0 => self.missing(MissingRow {
                    owner: owner.name(),
                    offset: 0,
                    bytes: inode.size,
                    why: "its content is lost with a page of the index".to_owned(),
                }),
                None => Ok(()),
            },
            ContentForm::Extents => self.extents(dataset, owner, to, (inode.id, 0), inode.size),
            ContentForm::Pieces => {
                let pieces = self.pieces(dataset, inode.id)?;
                for (index, (start, content)) in pieces.iter().enumerate() {
                    let end = pieces.get(index + 1).map_or(inode.size, |next| next.0);
                    self.extents(dataset, owner, to, (*content, *start), end)?;
                }
                Ok(())
            }
        }
    }

    pub(super) fn small(&self, dataset: DatasetId, id: InodeId) -> Result<Option<Vec<u8>>, Ended> {
        let key = BucketKey::Small(id).encode();
        Ok(self.salvage.value(dataset, &key)?)
    }

    fn pieces(&self, dataset: DatasetId, id: InodeId) -> Result<Vec<(u64, InodeId)>, Ended> {
        let mut pieces = Vec::new();
        let mut next = Some(BucketKey::Piece(id, 0).encode());
        while let Some(from) = next {
            let found = self.salvage.entries(dataset, &from)?;
            next = found.next;
            for (key, value) in &found.entries {
                match (BucketKey::decode(key), PieceRecord::decode(value)) {
                    (Ok(BucketKey::Piece(of, start)), Ok(piece)) if of == id => {
                        pieces.push((start, piece.content));
                    }
                    (Ok(BucketKey::Piece(of, _)), _) if of == id => {}
                    _ => return Ok(pieces),
                }
            }
        }
        Ok(pieces)
    }

    /// Writes the extents of a content that begins at a byte of the file, up to an end in the file;
    /// how far they reach in the content.
    pub(super) fn extents(
        &mut self,
        dataset: DatasetId,
        owner: &Owner<'_>,
        to: To<'_>,
        (content, start): (InodeId, u64),
        end: u64,
    ) -> Done {
        let mut next = Some(BucketKey::Extent(content, 0).encode());
        while let Some(from) = next {
            let found = self.salvage.entries(dataset, &from)?;
            next = found.next;
            for (key, value) in &found.entries {
                let Ok(BucketKey::Extent(of, offset)) = BucketKey::decode(key) else {
                    return Ok(());
                };
                let begin = start.saturating_add(offset);
                if of != content || begin >= end {
                    return Ok(());
                }
                if let Ok(extent) = ExtentRef::decode(value) {
                    self.extent(owner, to, (begin, end), &extent)?;
                }
            }
        }
        Ok(())
    }
}

/// What keys of a bucket are about.
pub(super) fn keys_in_words(keys: &LostKeys) -> String {
    let of = |key: &[u8]| match BucketKey::decode(key) {
        Ok(BucketKey::Entry(id, name)) => {
            format!("the name {:?} in {id}", String::from_utf8_lossy(name))
        }
        Ok(BucketKey::Extent(id, offset)) => format!("byte {offset} of the content of {id}"),
        Ok(key) => format!("{key:?}"),
        // Bounds may be cut short.
        Err(_) => key.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    let low = match keys.low.is_empty() {
        true => "the beginning".to_owned(),
        false => of(&keys.low),
    };
    let high = match keys.high.is_empty() {
        true => "the end".to_owned(),
        false => of(&keys.high),
    };
    format!("from {low} to {high}")
}
