//! Buckets as a whole.

use engine_bucket::RootOwner;
use s3s::dto::{
    Bucket, BucketLocationConstraint, CreateBucketInput, CreateBucketOutput, DeleteBucketOutput,
    GetBucketLocationOutput, GetBucketVersioningOutput, HeadBucketOutput, ListBucketsInput,
    ListBucketsOutput, Owner,
};
use s3s::{S3Result, s3_error};

use crate::door::{Call, Door};
use crate::error::{not_implemented, of_bucket};
use crate::moment::Moment;
use crate::target::is_bucket_name;

const BUCKETS_MAX: usize = 10_000;

impl Door {
    /// Snapshots are not among them: there may be thousands, and whoever wants one knows its label.
    pub(crate) async fn list_buckets(
        &self,
        call: &Call,
        input: ListBucketsInput,
    ) -> S3Result<ListBucketsOutput> {
        let max = match input.max_buckets {
            None => usize::MAX,
            Some(max) => usize::try_from(max)
                .ok()
                .filter(|max| (1..=BUCKETS_MAX).contains(max))
                .ok_or_else(|| s3_error!(InvalidArgument, "max-buckets is 1 to 10000."))?,
        };
        let after = input.continuation_token.as_deref().unwrap_or_default();
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let all = self.buckets.list().into_iter();
        self.all_shown().await?;
        let mut names: Vec<_> = all
            .filter(|info| call.key.may_use(&info.name))
            .filter(|info| info.name.as_str() > after && info.name.starts_with(prefix))
            .collect();
        let is_cut = names.len() > max;
        names.truncate(max);
        let next = names.last().filter(|_| is_cut);
        let next = next.map(|info| info.name.clone());
        let shown = names.into_iter().map(|info| Bucket {
            name: Some(info.name),
            creation_date: Some(Moment::of(info.created_unix_nanos.cast_signed()).timestamp()),
            ..Bucket::default()
        });
        Ok(ListBucketsOutput {
            buckets: Some(shown.collect()),
            continuation_token: next,
            owner: Some(owner(call.key.uid)),
            prefix: input.prefix.clone(),
        })
    }

    pub(crate) async fn create_bucket(
        &self,
        call: &Call,
        input: CreateBucketInput,
    ) -> S3Result<CreateBucketOutput> {
        let name = &call.target.bucket;
        if !is_bucket_name(name) {
            return Err(s3_error!(
                InvalidBucketName,
                "The specified bucket is not valid: 3 to 63 lower-case letters, digits, dots and \
                 hyphens, and no --at--, which is in the names of snapshots."
            ));
        }
        if input.object_lock_enabled_for_bucket == Some(true) {
            return Err(not_implemented("Object lock"));
        }
        if self.buckets.show(name).is_ok() {
            self.all_shown().await?;
            return Err(s3_error!(
                BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it."
            ));
        }
        let owner = RootOwner {
            mode: 0o777 & !call.key.umask,
            uid: call.key.uid,
            gid: call.key.gid,
        };
        let created = self.buckets.create(name, owner).await;
        created.map_err(of_bucket)?;
        Ok(CreateBucketOutput {
            location: Some(format!("/{name}")),
        })
    }

    pub(crate) async fn head_bucket(&self, call: &Call) -> S3Result<HeadBucketOutput> {
        self.bucket(call).await?;
        self.all_shown().await?;
        Ok(HeadBucketOutput {
            bucket_region: Some(self.region.clone()),
            ..HeadBucketOutput::default()
        })
    }

    pub(crate) async fn delete_bucket(&self, call: &Call) -> S3Result<DeleteBucketOutput> {
        let deleted = self.buckets.delete(&call.target.bucket).await;
        deleted.map_err(of_bucket)?;
        Ok(DeleteBucketOutput::default())
    }

    pub(crate) async fn location(&self, call: &Call) -> S3Result<GetBucketLocationOutput> {
        self.bucket(call).await?;
        // The first region has no name here.
        let named = Some(self.region.clone()).filter(|region| region != "us-east-1");
        Ok(GetBucketLocationOutput {
            location_constraint: named.map(BucketLocationConstraint::from),
        })
    }

    pub(crate) async fn versioning(&self, call: &Call) -> S3Result<GetBucketVersioningOutput> {
        self.bucket(call).await?;
        // Without a status: it was never turned on.
        Ok(GetBucketVersioningOutput::default())
    }
}

/// Who something belongs to.
pub(crate) fn owner(uid: u32) -> Owner {
    Owner {
        display_name: Some(format!("uid-{uid}")),
        id: Some(uid.to_string()),
    }
}
