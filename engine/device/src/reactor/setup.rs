//! Getting a ring from the kernel.

use std::io;

use io_uring::IoUring;

/// The best ring this kernel gives: completions are delivered when we ask for them (Linux 6.1), at
/// least not by interrupting the thread (5.19), or in any way.
pub(super) fn build(entries: u32) -> io::Result<IoUring> {
    let mut builder = IoUring::builder();
    builder.dontfork().setup_clamp();
    let plain = builder.clone();
    builder.setup_coop_taskrun().setup_taskrun_flag();
    let cooperative = builder.clone();
    builder.setup_single_issuer().setup_defer_taskrun();
    let uring = builder
        .build(entries)
        .or_else(|_| cooperative.build(entries))
        .or_else(|_| plain.build(entries))?;
    // 5.6 brought plain reads; 5.7 lets a read of an eventfd wait without a kernel thread.
    if !uring.params().is_feature_fast_poll() || !uring.params().is_feature_nodrop() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    Ok(uring)
}
