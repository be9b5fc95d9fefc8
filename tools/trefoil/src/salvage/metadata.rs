//! What is known of an inode beside its content.

use std::path::Path;

use engine_format::{BucketKey, Inode, InodeKind};

use super::bucket::Bucket;
use super::{Copy, Done, Ended, host};

/// Names and values.
type Attributes = Vec<(Vec<u8>, Vec<u8>)>;

impl Copy<'_> {
    /// Attributes, owner, mode and times, last because making the rest changes them.
    pub(super) fn metadata(
        &mut self,
        bucket: &Bucket,
        path: &Path,
        inode: &Inode,
        (accessed, modified): (i64, i64),
    ) -> Done {
        for (name, value) in self.attributes(bucket, inode)? {
            if let Err(error) = host::set_attribute(path, &name, &value) {
                let what = format!("attribute {}", String::from_utf8_lossy(&name));
                self.untold(path, &what, &error)?;
            }
        }
        if let Err(error) = host::set_owner(path, inode) {
            let what = format!("owner {}:{}", inode.uid, inode.gid);
            self.untold(path, &what, &error)?;
        }
        // Behind the owner, whose change takes bits away.
        if inode.kind != InodeKind::Symlink
            && let Err(error) = host::set_mode(path, inode)
        {
            self.untold(path, &format!("mode {:o}", inode.mode), &error)?;
        }
        if let Err(error) = host::set_times(path, accessed, modified) {
            self.untold(path, "times", &error)?;
        }
        Ok(())
    }

    /// All attributes: those in the inode, and those that have records of their own.
    fn attributes(&self, bucket: &Bucket, inode: &Inode) -> Result<Attributes, Ended> {
        let mut all: Vec<_> = inode.fields.attributes.clone().into_iter().collect();
        let mut next = Some(BucketKey::Attribute(inode.id, &[]).encode());
        while let Some(from) = next {
            let found = self.salvage.entries(bucket.dataset, &from)?;
            next = found.next;
            for (key, value) in found.entries {
                match BucketKey::decode(&key) {
                    Ok(BucketKey::Attribute(of, name)) if of == inode.id => {
                        all.push((name.to_vec(), value));
                    }
                    _ => return Ok(all),
                }
            }
        }
        Ok(all)
    }
}
