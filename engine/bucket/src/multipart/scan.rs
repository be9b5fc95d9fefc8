//! Looking for uploads.

use super::*;

/// Uploads that one look takes.
const UPLOADS_AT_ONCE: usize = 64;

/// What a look at uploads has found.
pub(crate) struct Uploads {
    /// Ids with their records; without one only parts are left of an upload.
    pub(crate) found: Vec<(UploadId, Option<Result<UploadRecord, FormatError>>)>,
    /// The key to go on from.
    pub(crate) next: Option<Vec<u8>>,
}

/// The next uploads from a key on. Their parts are passed over, however many there are.
pub(crate) fn uploads_from(tree: &Tree, from: &[u8]) -> Look<Uploads> {
    let mut uploads = Uploads {
        found: Vec::new(),
        next: None,
    };
    let mut at = from.to_vec();
    while uploads.found.len() < UPLOADS_AT_ONCE {
        let mut first = None;
        tree.scan(&at, |key, value| {
            first = match BucketKey::decode(key) {
                Ok(BucketKey::Upload(id)) => Some((id, Some(UploadRecord::decode(value)))),
                Ok(BucketKey::Part(id, _)) => Some((id, None)),
                _ => None,
            };
            ControlFlow::Break(())
        })?;
        let Some((id, record)) = first else {
            return Ok(uploads);
        };
        at = [&BucketKey::Part(id, u32::MAX).encode()[..], &[0]].concat();
        uploads.found.push((UploadId(id), record));
    }
    uploads.next = Some(at);
    Ok(uploads)
}

/// Records of uploads (`None`) and parts, and where to go on.
pub(crate) type Records = (Vec<Option<PartRecord>>, Option<Vec<u8>>);

/// Uploads and parts from a key on.
pub(crate) fn parts_from(tree: &Tree, from: &[u8], max: usize) -> Look<Records> {
    let (mut found, mut next) = (Vec::new(), None);
    tree.scan(from, |key, value| {
        if found.len() == max {
            next = Some(key.to_vec());
            return ControlFlow::Break(());
        }
        match BucketKey::decode(key) {
            Ok(BucketKey::Upload(_)) => found.push(None),
            Ok(BucketKey::Part(..)) => found.push(Some(PartRecord::decode(value))),
            _ => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    })?;
    let records: Result<Vec<_>, _> = found.into_iter().map(Option::transpose).collect();
    Ok((records?, next))
}

/// Contents that pieces lead to, from a key on; and where to go on.
pub(super) fn pieces_from(tree: &Tree, from: &[u8]) -> Look<(Vec<InodeId>, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    let mut next = None;
    tree.scan(from, |key, value| {
        if !matches!(BucketKey::decode(key), Ok(BucketKey::Piece(..))) {
            return ControlFlow::Break(());
        }
        if found.len() == PIECES_AT_ONCE {
            next = Some(key.to_vec());
            return ControlFlow::Break(());
        }
        found.push(PieceRecord::decode(value).map(|piece| piece.content));
        ControlFlow::Continue(())
    })?;
    let contents: Result<Vec<_>, _> = found.into_iter().collect();
    Ok((contents?, next))
}

pub(super) fn template(id: InodeId, owner: Owner, now: i64) -> Inode {
    Inode {
        id,
        kind: InodeKind::File,
        content: ContentForm::None,
        explicit: false,
        mode: 0o666 & !owner.umask,
        uid: owner.uid,
        gid: owner.gid,
        links: 1,
        device: 0,
        size: 0,
        allocated: 0,
        accessed: now,
        modified: now,
        changed: now,
        created: now,
        changes: 0,
        fields: InodeFields::default(),
    }
}
