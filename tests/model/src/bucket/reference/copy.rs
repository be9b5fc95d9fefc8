//! Copying.

use super::*;

impl RefBucket {
    pub(crate) fn copy_object(&mut self, from: &[u8], to: &[u8]) -> Result<(), No> {
        let source = self.find(from).ok_or(No::NotFound)?;
        let content = self.content(source).to_vec();
        let tag = self.nodes[&source].tag.clone();
        self.put(to, &content, b"")?;
        let copy = self.find(to).unwrap();
        self.node_mut(copy).tag = tag;
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
