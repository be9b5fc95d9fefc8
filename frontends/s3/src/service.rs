//! The operations that are there; all others answer 501.

use std::sync::Arc;

use s3s::{S3, S3Request, S3Response, S3Result, dto};

use crate::door::{Call, Door};

/// What the library calls.
pub(crate) struct Operations(pub(crate) Arc<Door>);

/// Implements operations: each takes the call out of the request, and what else it is about.
macro_rules! operations {
    ($($name:ident($input:ident) -> $output:ident { $($run:tt)* })*) => {
        #[async_trait::async_trait]
        impl S3 for Operations {
            $(
                async fn $name(
                    &self,
                    mut request: S3Request<dto::$input>,
                ) -> S3Result<S3Response<dto::$output>> {
                    let call = Call::of(&mut request.extensions)?;
                    let output = operations!(@run self, call, request, $($run)*)?;
                    Ok(S3Response::new(output))
                }
            )*
        }
    };
    (@run $self:ident, $call:ident, $request:ident, call $run:ident) => {
        $self.0.$run(&$call).await
    };
    (@run $self:ident, $call:ident, $request:ident, input $run:ident) => {
        $self.0.$run(&$call, $request.input).await
    };
    (@run $self:ident, $call:ident, $request:ident, headers $run:ident) => {
        $self.0.$run(&$call, &$request.headers, $request.input).await
    };
}

operations! {
    list_buckets(ListBucketsInput) -> ListBucketsOutput { input list_buckets }
    create_bucket(CreateBucketInput) -> CreateBucketOutput { input create_bucket }
    head_bucket(HeadBucketInput) -> HeadBucketOutput { call head_bucket }
    delete_bucket(DeleteBucketInput) -> DeleteBucketOutput { call delete_bucket }
    get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput { call location }
    get_bucket_versioning(GetBucketVersioningInput) -> GetBucketVersioningOutput { call versioning }
    get_object(GetObjectInput) -> GetObjectOutput { headers get_object }
    head_object(HeadObjectInput) -> HeadObjectOutput { headers head_object }
    get_object_attributes(GetObjectAttributesInput) -> GetObjectAttributesOutput {
        input object_attributes
    }
    put_object(PutObjectInput) -> PutObjectOutput { headers put_object }
    copy_object(CopyObjectInput) -> CopyObjectOutput { headers copy_object }
    delete_object(DeleteObjectInput) -> DeleteObjectOutput { input delete_object }
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput { input delete_objects }
    list_objects(ListObjectsInput) -> ListObjectsOutput { input list_v1 }
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output { input list_v2 }
    list_object_versions(ListObjectVersionsInput) -> ListObjectVersionsOutput {
        input list_versions
    }
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput {
        headers create_upload
    }
    upload_part(UploadPartInput) -> UploadPartOutput { input upload_part }
    upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput { input upload_part_copy }
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput {
        headers complete_upload
    }
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput {
        input abort_upload
    }
    list_parts(ListPartsInput) -> ListPartsOutput { input list_parts }
    list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput {
        input list_uploads
    }
    get_object_tagging(GetObjectTaggingInput) -> GetObjectTaggingOutput { call get_tags }
    put_object_tagging(PutObjectTaggingInput) -> PutObjectTaggingOutput { input put_tags }
    delete_object_tagging(DeleteObjectTaggingInput) -> DeleteObjectTaggingOutput {
        call delete_tags
    }
}
