//! Objects that are made of parts.

use engine_bucket::{Completion, PartNumber, UploadId};

use super::*;

/// Parts of one upload at most.
const PARTS: u64 = 5;

/// A part: its number, its bytes, whether the object is made of it too.
type Part = (PartNumber, Vec<u8>, bool);

impl Runner<'_> {
    /// Uploads parts, one of them twice at times, and makes an object of some, or gives them up.
    /// All is one batch but for the parts, which nothing shows.
    pub(super) fn multipart(&mut self) {
        let mut key = self.key();
        if key.ends_with(b"/") {
            key.push(b'x');
        }
        let mut parts: Vec<Part> = Vec::new();
        for number in 1..=1 + self.rng.below(PARTS) {
            let number = PartNumber::try_from(number).unwrap();
            if self.rng.below(6) == 0 {
                parts.push((number, self.data(), false));
            }
            parts.push((number, self.data(), number == 1 || self.rng.below(5) > 0));
        }
        let is_given_up = self.rng.below(5) == 0;
        let tag = format!("tag {}-{}", self.rng.below(1000), parts.len()).into_bytes();
        let seen = self.upload_parts(&key, &parts, (!is_given_up).then_some(&tag));
        let chosen = parts.iter().filter(|(_, _, is_chosen)| *is_chosen);
        let whole: Vec<u8> = chosen.flat_map(|(_, data, _)| data.clone()).collect();
        let expected = if is_given_up {
            Ok(())
        } else {
            self.reference.put(&key, &whole, &tag)
        };
        let shown = format!("parts of {:?}", String::from_utf8_lossy(&key));
        self.same(&shown, seen, expected);
    }

    /// Without a tag the upload is given up; so is one that cannot be completed.
    fn upload_parts(
        &self,
        key: &[u8],
        parts: &[Part],
        tag: Option<&Vec<u8>>,
    ) -> Result<(), BucketError> {
        let object = ObjectMetadata::default();
        let id = block_on(self.bucket.create_upload(key, OWNER, &object, self.ack))?;
        let mut chosen = Vec::new();
        for (index, (number, data, is_chosen)) in parts.iter().enumerate() {
            let mut upload = self.bucket.upload();
            let part_tag = format!("part {index}").into_bytes();
            let uploaded = data
                .chunks(300_000)
                .try_for_each(|chunk| block_on(upload.write(chunk)));
            let finish = |()| {
                let finished = upload.finish_part(id, *number, &part_tag, b"", self.ack);
                block_on(finished)
            };
            uploaded
                .and_then(finish)
                .or_else(|error| self.give_up(id, error))?;
            if *is_chosen {
                chosen.push((*number, part_tag));
            }
        }
        let Some(tag) = tag else {
            return block_on(self.bucket.abort_upload(id, self.ack));
        };
        let completion = Completion {
            parts: &chosen,
            owner: OWNER,
            object: &ObjectMetadata {
                entity_tag: Some(tag.clone()),
                ..ObjectMetadata::default()
            },
        };
        let completed = self.bucket.complete_upload(id, &completion, None, self.ack);
        let completed = block_on(completed).map(|_| ());
        completed.or_else(|error| self.give_up(id, error))
    }

    /// What was refused leaves nothing behind.
    fn give_up(&self, id: UploadId, error: BucketError) -> Result<(), BucketError> {
        match block_on(self.bucket.abort_upload(id, self.ack)) {
            // It was completed, or given up; and why it was not is the first error.
            Ok(()) | Err(_) => Err(error),
        }
    }
}
