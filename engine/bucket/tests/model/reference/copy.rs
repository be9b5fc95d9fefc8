//! Copying.

use super::*;

impl RefBucket {
    pub(crate) fn copy_object(&mut self, from: &[u8], to: &[u8]) -> Result<(), No> {
        let source = &self.nodes[&self.find(from).ok_or(No::NotFound)?];
        let (Body::File(content) | Body::Directory { content, .. }) = &source.body else {
            panic!("it is an object");
        };
        let (content, tag) = (content.clone(), source.tag.clone());
        self.put(to, &content, b"")?;
        let copy = self.find(to).unwrap();
        self.nodes.get_mut(&copy).unwrap().tag = tag;
        Ok(())
    }

    pub(crate) fn copy_range(
        &mut self,
        from: &[Vec<u8>],
        to: &[Vec<u8>],
        (at, there, bytes): (usize, usize, usize),
    ) -> Result<(), No> {
        self.walk(to)?;
        let source = self.file(from, |_| false)?.clone();
        let end = source.len().min(at + bytes);
        if at >= end {
            return Ok(());
        }
        let data = &source[at..end];
        let target = self.file(to, |_| true)?;
        let size = target.len().max(there + data.len());
        target.resize(size, 0);
        target[there..there + data.len()].copy_from_slice(data);
        Ok(())
    }
}
