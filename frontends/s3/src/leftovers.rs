//! What a request leaves behind that came to nothing.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::door::Door;

/// Has what a request staged given back, also if its connection was cut and nothing of it runs any
/// more: nobody else may come to change the bucket for long.
pub(crate) struct Leftovers {
    door: Arc<Door>,
    /// Where there may be some.
    buckets: Vec<String>,
}

impl Leftovers {
    pub(crate) fn of(door: &Arc<Door>, buckets: impl Iterator<Item = String>) -> Self {
        Self {
            door: Arc::clone(door),
            buckets: buckets.filter(|name| !name.is_empty()).collect(),
        }
    }

    /// There are none.
    pub(crate) fn none(mut self) {
        self.buckets.clear();
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        let buckets = std::mem::take(&mut self.buckets);
        if buckets.is_empty() {
            return;
        }
        // Without a runtime the server ends, and the next opening of the bucket does it.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let door = Arc::clone(&self.door);
        runtime.spawn(async move {
            for name in buckets {
                if let Ok(bucket) = door.buckets.open(&name).await {
                    bucket.give_back_dropped().await;
                }
            }
        });
    }
}
