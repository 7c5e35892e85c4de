//! One loop of a server with several: accepts clients, and ends when told to.
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::time::Duration;

use slab::Slab;

use super::orders::Orders;
use super::shard_error::ShardError;
use crate::net::{ServerSocket, Socket, SocketAddress, SocketError};
use crate::reactor::LoopHandle;
use crate::task::JoinHandle;

/// The shard on whose thread a handler is made.
#[derive(Clone, Debug)]
pub struct Shard {
    index: usize,
    handle: LoopHandle,
}

impl Shard {
    pub(super) fn new(index: usize, handle: LoopHandle) -> Self {
        Self { index, handle }
    }

    /// Which one, from 0 on.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Its loop.
    pub fn handle(&self) -> &LoopHandle {
        &self.handle
    }
}

/// What the shard tells other threads, and they tell it.
#[derive(Default)]
pub(super) struct Board {
    pub(super) orders: Orders,
    pub(super) active: AtomicUsize,
    pub(super) served: AtomicU64,
}

/// Whom errors are told.
pub(super) type Tell = Arc<dyn Fn(usize, &ShardError) + Send + Sync>;

/// A shard at work.
pub(super) struct Service<S> {
    shard: Shard,
    server: ServerSocket,
    handler: Rc<S>,
    board: Arc<Board>,
    tell: Tell,
    clients: Rc<Clients>,
}

/// The tasks of the clients that are there.
#[derive(Default)]
struct Clients {
    tasks: RefCell<Slab<JoinHandle<()>>>,
    /// Who waits until there are none.
    waiter: Cell<Option<Waker>>,
}

/// What comes next.
enum Next {
    Client(Result<(Socket, SocketAddress), SocketError>),
    Stop(Duration),
}

impl<S, F> Service<S>
where
    S: Fn(Socket, SocketAddress) -> F + 'static,
    F: Future<Output = ()> + 'static,
{
    pub(super) fn new(
        shard: Shard,
        server: ServerSocket,
        handler: S,
        board: Arc<Board>,
        tell: Tell,
    ) -> Self {
        let (handler, clients) = (Rc::new(handler), Rc::default());
        Self { shard, server, handler, board, tell, clients }
    }

    /// Serves until told to stop; then lets those end who are there, within the
    /// time given. How many had not ended.
    pub(super) async fn run(&self) -> Result<usize, ShardError> {
        let patience = loop {
            match self.next().await {
                Next::Client(Ok(client)) => self.serve(client),
                Next::Client(Err(error)) if error.is_exhaustion() => {
                    (self.tell)(self.shard.index, &ShardError::Accept(error));
                }
                Next::Client(Err(error)) => return Err(ShardError::Accept(error)),
                Next::Stop(patience) => break patience,
            }
        };
        // Whoever is connected already is not turned away.
        while let Ok(Some(client)) = self.server.try_accept() {
            self.serve(client);
        }
        self.server.close();
        self.drain(patience).await;
        Ok(self.clients.tasks.borrow().len())
    }

    async fn next(&self) -> Next {
        let mut accept = pin!(self.server.accept());
        poll_fn(|context| match self.board.orders.poll(context, None) {
            Poll::Ready(patience) => Poll::Ready(Next::Stop(patience)),
            Poll::Pending => accept.as_mut().poll(context).map(Next::Client),
        })
        .await
    }

    /// Waits until all have ended or the time is up, which may be shortened.
    async fn drain(&self, mut patience: Duration) {
        let begin = self.shard.handle.now();
        loop {
            let passed = self.shard.handle.now().saturating_sub(begin);
            let left = patience.saturating_sub(Duration::from_nanos(passed.unsigned_abs()));
            let mut time = pin!(self.shard.handle.sleep(left));
            let shorter = poll_fn(|context| {
                if self.clients.tasks.borrow().is_empty() || time.as_mut().poll(context).is_ready()
                {
                    return Poll::Ready(None);
                }
                self.clients.waiter.set(Some(context.waker().clone()));
                self.board.orders.poll(context, Some(patience)).map(Some)
            });
            match shorter.await {
                Some(shorter) => patience = shorter,
                None => return,
            }
        }
    }

    /// Makes a task of a client.
    fn serve(&self, (socket, peer): (Socket, SocketAddress)) {
        self.board.active.fetch_add(1, Ordering::Relaxed);
        self.board.served.fetch_add(1, Ordering::Relaxed);
        let mut tasks = self.clients.tasks.borrow_mut();
        let entry = tasks.vacant_entry();
        let place =
            Place { clients: self.clients.clone(), board: self.board.clone(), key: entry.key() };
        let (handler, tell, index) = (self.handler.clone(), self.tell.clone(), self.shard.index);
        entry.insert(self.shard.handle.spawn(async move {
            let _place = place;
            let served = async move { handler(socket, peer).await };
            if let Err(error) = contain(served).await {
                tell(index, &error);
            }
        }));
    }
}

/// A client's place among them, until it has ended in whichever way.
struct Place {
    clients: Rc<Clients>,
    board: Arc<Board>,
    key: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.board.active.fetch_sub(1, Ordering::Relaxed);
        let task = self.clients.tasks.borrow_mut().try_remove(self.key);
        drop(task);
        if self.clients.tasks.borrow().is_empty() {
            self.clients.waiter.take().into_iter().for_each(Waker::wake);
        }
    }
}

/// Keeps one client's panic from the others.
async fn contain(future: impl Future<Output = ()>) -> Result<(), ShardError> {
    let mut future = pin!(future);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(polled) => polled.map(Ok),
        Err(payload) => Poll::Ready(Err(ShardError::panicked(&*payload))),
    })
    .await
}
