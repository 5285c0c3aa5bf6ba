use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Works on items in parallel, and hands out each result in the order of the items, as soon as it
/// and those before it are there.
///
/// Each is begun only when those before it have been. In a pool, a job that waits for its parts
/// would begin others meanwhile, and the first would be among the last to end.
pub(super) fn in_order<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
    mut take: impl FnMut(&T, R),
) {
    let (sender, receiver) = mpsc::channel();
    let (work, next) = (&work, &AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..threads {
            let sender = sender.clone();
            scope.spawn(move || {
                // Relaxed: nothing but the number is shared, and each gets another one.
                while let i = next.fetch_add(1, Ordering::Relaxed)
                    && let Some(item) = items.get(i)
                    && sender.send((i, work(item))).is_ok()
                {}
            });
        }
        drop(sender);
        let mut early = BTreeMap::new();
        let mut rest = items.iter().enumerate().peekable();
        for (i, result) in receiver {
            early.insert(i, result);
            while let Some((i, item)) = rest.peek()
                && let Some(result) = early.remove(i)
            {
                take(item, result);
                rest.next();
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..100).rev().collect();
        let mut taken = Vec::new();
        // The first ones take longest.
        let work =
            |item: &u64| (0..item * 10_000).fold(*item, |sum, i| sum ^ std::hint::black_box(i));
        in_order(&items, 4, work, |item, _| taken.push(*item));
        assert_eq!(taken, items);
    }
}
