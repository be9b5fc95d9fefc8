//! Looking for uploads.

use super::*;

pub(super) fn all_uploads(tree: &Tree) -> Look<Vec<UploadInfo>> {
    let mut found = Vec::new();
    tree.scan(&[BucketKey::UPLOAD], |key, value| {
        match BucketKey::decode(key) {
            Ok(BucketKey::Upload(id)) => found.push((id, UploadRecord::decode(value))),
            Ok(BucketKey::Part(..)) => {}
            _ => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    })?;
    let mut uploads = Vec::with_capacity(found.len());
    for (id, record) in found {
        let record = record?;
        uploads.push(UploadInfo {
            id: UploadId(id),
            key: record.key,
            created: record.created,
        });
    }
    Ok(uploads)
}

/// An upload that has parts but no record.
pub(super) fn first_left_over(tree: &Tree) -> Look<Option<UploadId>> {
    let (mut found, mut last) = (None, None);
    tree.scan(&[BucketKey::UPLOAD], |key, _| {
        match BucketKey::decode(key) {
            Ok(BucketKey::Upload(id)) => last = Some(id),
            Ok(BucketKey::Part(id, _)) if last != Some(id) => {
                found = Some(UploadId(id));
                return ControlFlow::Break(());
            }
            Ok(BucketKey::Part(..)) => {}
            _ => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
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
