//! Runs steps that depend on each other, as many at a time as allowed.
//!
//! Guarantees: a step starts only after all it depends on have succeeded; after the first failure or a request to stop no
//! further step starts, but the running ones are waited for: a request that creates something is not cut off halfway.

use std::collections::BTreeMap;
use std::fmt::Debug;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

/// Steps and what each depends on.
#[derive(Debug, Clone)]
pub struct Graph<S> {
    steps: BTreeMap<S, Vec<S>>,
}

/// Why not every step was run.
#[derive(Debug)]
pub enum Halt<E> {
    /// A step failed; the first one, if several did.
    Failed(E),
    /// A stop was asked for.
    Stopped,
}

impl<S: Copy + Ord + Debug> Graph<S> {
    /// A graph of these steps, each with what it depends on. A dependency that is not a step itself is left out: a server that
    /// needs no volume does not wait for one.
    pub fn new(steps: impl IntoIterator<Item = (S, Vec<S>)>) -> Self {
        let mut steps: BTreeMap<_, _> = steps.into_iter().collect();
        let known: Vec<S> = steps.keys().copied().collect();
        for needs in steps.values_mut() {
            needs.retain(|need| known.contains(need));
        }
        Self { steps }
    }

    /// All steps, in an order in which they could be run one after the other. A step that can never run is missing from it.
    pub fn order(&self) -> Vec<S> {
        let mut order: Vec<S> = Vec::new();
        while let Some(next) = self.steps.iter().find(|(step, needs)| {
            !order.contains(step) && needs.iter().all(|need| order.contains(need))
        }) {
            order.push(*next.0);
        }
        order
    }

    /// Runs all steps, at most `limit` at a time.
    ///
    /// # Errors
    /// [`Halt::Failed`] with the first failure, [`Halt::Stopped`] if `stop` was cancelled before every step had started.
    pub async fn run<E, Run>(
        &self,
        limit: usize,
        stop: &CancellationToken,
        run: impl Fn(S) -> Run,
    ) -> Result<(), Halt<E>>
    where
        Run: Future<Output = Result<(), E>>,
    {
        let mut waiting = self.steps.clone();
        let mut running = FuturesUnordered::new();
        let mut failure = None;
        loop {
            while failure.is_none() && !stop.is_cancelled() && running.len() < limit.max(1) {
                let free = waiting.iter().find(|(_, needs)| needs.is_empty());
                let Some(next) = free.map(|(next, _)| *next) else {
                    break;
                };
                waiting.remove(&next);
                let future = run(next);
                running.push(async move { (next, future.await) });
            }
            match running.next().await {
                Some((ended, Ok(()))) => waiting
                    .values_mut()
                    .for_each(|needs| needs.retain(|need| *need != ended)),
                Some((_, Err(error))) => failure = failure.or(Some(error)),
                None => break,
            }
        }
        match failure {
            Some(error) => Err(Halt::Failed(error)),
            None if waiting.is_empty() => Ok(()),
            None => Err(Halt::Stopped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use tokio::sync::Semaphore;

    fn diamond() -> Graph<char> {
        Graph::new([
            ('d', vec!['b', 'c']),
            ('b', vec!['a']),
            ('c', vec!['a', 'x']),
            ('a', vec![]),
        ])
    }

    #[test]
    fn order_respects_needs_and_shows_rings() {
        assert_eq!(diamond().order(), ['a', 'b', 'c', 'd']);
        assert_eq!(
            Graph::new([('a', vec!['b']), ('b', vec!['a']), ('c', vec![])]).order(),
            ['c']
        );
    }

    #[tokio::test]
    async fn independent_steps_run_together_and_dependent_ones_after() {
        let (log, gate) = (RefCell::new(Vec::new()), Semaphore::new(0));
        let (log, gate) = (&log, &gate);
        let result: Result<(), Halt<()>> = diamond()
            .run(4, &CancellationToken::new(), |step| async move {
                log.borrow_mut().push(step);
                match step {
                    // Ends only when c has started: proves that both run at a time.
                    'b' => gate.acquire().await.unwrap().forget(),
                    'c' => gate.add_permits(1),
                    _ => {}
                }
                Ok(())
            })
            .await;
        assert!(result.is_ok());
        assert_eq!(*log.borrow(), ['a', 'b', 'c', 'd']);
    }

    #[tokio::test]
    async fn after_a_failure_nothing_starts_but_the_running_finishes() {
        let finished = RefCell::new(Vec::new());
        let finished = &finished;
        let result = diamond()
            .run(4, &CancellationToken::new(), |step| async move {
                if step == 'b' {
                    return Err("b");
                }
                tokio::task::yield_now().await;
                finished.borrow_mut().push(step);
                Ok(())
            })
            .await;
        assert!(matches!(result, Err(Halt::Failed("b"))));
        assert_eq!(*finished.borrow(), ['a', 'c']);
    }

    #[tokio::test]
    async fn a_stop_starts_nothing_more() {
        let stop = CancellationToken::new();
        let result: Result<(), Halt<()>> = diamond()
            .run(1, &stop, |step| {
                if step == 'a' {
                    stop.cancel();
                }
                async { Ok(()) }
            })
            .await;
        assert!(matches!(result, Err(Halt::Stopped)));
    }
}
