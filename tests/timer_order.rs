//! Crowds of timers, moved and cancelled from outside and from within their
//! callbacks, beside a list that is always sorted.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use event::{EventLoop, LoopHandle, Timer};
use proptest::collection::vec;
use proptest::prelude::*;

/// What a turn runs at most.
const BUDGET: usize = 1024;

/// Which of the timers, be there as many as there are.
type Pick = prop::sample::Index;

#[derive(Clone, Debug)]
enum Action {
    Nothing,
    /// So many, so far from now and from each other.
    Arm(usize, i64, i64),
    Cancel(Pick),
    /// To so far from now.
    Move(Pick, i64),
}

#[derive(Clone, Debug)]
enum Step {
    /// The action, and what the timers that it arms do when they fire.
    Do(Action, Action),
    Run(u64),
}

/// Of every magnitude: in the past, now, in the same slot of the wheel and in
/// each of the others, and as far as deadlines go.
fn offset() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => -3..10_i64,
        8 => (0..50_u32, 1..64_i64).prop_map(|(shift, some)| some << shift),
        1 => Just(i64::MAX),
        1 => Just(i64::MIN),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let moved = (any::<Pick>(), offset()).prop_map(|(pick, to)| Action::Move(pick, to));
    prop_oneof![
        1 => Just(Action::Nothing),
        2 => offset().prop_map(|to| Action::Arm(1, to, 0)),
        2 => any::<Pick>().prop_map(Action::Cancel),
        3 => moved,
    ]
}

fn step() -> impl Strategy<Value = Step> {
    // More than the queue keeps sorted, now and then.
    let count = prop_oneof![10 => 1..1500_usize, 1 => 10_000..20_000_usize];
    let crowd = (count, offset(), 0..100_000_i64);
    let crowd = crowd.prop_map(|(count, to, apart)| Action::Arm(count, to, apart));
    prop_oneof![
        2 => (crowd, action()).prop_map(|(arm, reaction)| Step::Do(arm, reaction)),
        5 => (action(), action()).prop_map(|(action, reaction)| Step::Do(action, reaction)),
        2 => (0..45_u32).prop_map(|shift| Step::Run(1 << shift)),
    ]
}

/// A record of what fired, by number, and when.
type Fired = Vec<(i64, usize)>;

/// The timers of a loop.
#[derive(Clone)]
struct Real {
    handle: LoopHandle,
    timers: Rc<RefCell<Vec<Timer>>>,
    fired: Rc<RefCell<Fired>>,
}

impl Real {
    fn new(events: &EventLoop) -> Self {
        Self { handle: events.handle(), timers: Rc::default(), fired: Rc::default() }
    }

    fn perform(&self, action: &Action, reaction: &Action) {
        let now = self.handle.now();
        match action {
            Action::Nothing => {}
            Action::Arm(count, to, apart) => {
                let deadlines = deadlines(now, *count, *to, *apart);
                deadlines.for_each(|deadline| self.arm(deadline, reaction.clone()));
            }
            Action::Cancel(pick) => self.with(*pick, |timer| _ = timer.cancel()),
            Action::Move(pick, to) => {
                let deadline = now.saturating_add(*to);
                self.with(*pick, |timer| {
                    let pending = timer.is_pending();
                    assert_eq!(timer.reset_at(deadline).unwrap(), pending);
                });
            }
        }
    }

    fn arm(&self, deadline: i64, reaction: Action) {
        let (real, number) = (self.clone(), self.timers.borrow().len());
        let call = move || {
            real.fired.borrow_mut().push((real.handle.now(), number));
            real.perform(&reaction, &Action::Nothing);
        };
        self.timers.borrow_mut().push(self.handle.timer_at(deadline, call).unwrap());
    }

    fn with(&self, pick: Pick, f: impl FnOnce(&Timer)) {
        let timers = self.timers.borrow();
        if !timers.is_empty() {
            f(pick.get(&timers));
        }
    }
}

/// The deadlines of a crowd.
fn deadlines(now: i64, count: usize, to: i64, apart: i64) -> impl Iterator<Item = i64> {
    (0..count as i64).map(move |n| now.saturating_add(to).saturating_add(n * apart))
}

/// A place in the list: a deadline, and when it was set.
type Place = (i64, u64);

/// The same with a list that is always sorted.
#[derive(Default)]
struct Model {
    now: i64,
    list: BTreeMap<Place, usize>,
    /// By number; `None` when it is not pending.
    timers: Vec<Option<Place>>,
    reactions: Vec<Action>,
    moves: u64,
    fired: Fired,
}

impl Model {
    fn perform(&mut self, action: &Action, reaction: &Action) {
        match action {
            Action::Nothing => {}
            Action::Arm(count, to, apart) => {
                for deadline in deadlines(self.now, *count, *to, *apart) {
                    self.timers.push(None);
                    self.reactions.push(reaction.clone());
                    self.put(self.timers.len() - 1, deadline);
                }
            }
            Action::Cancel(_) | Action::Move(..) if self.timers.is_empty() => {}
            Action::Cancel(pick) => drop(self.take(pick.index(self.timers.len()))),
            Action::Move(pick, to) => {
                let number = pick.index(self.timers.len());
                if self.take(number).is_some() {
                    self.put(number, self.now.saturating_add(*to));
                }
            }
        }
    }

    fn put(&mut self, number: usize, deadline: i64) {
        self.moves += 1;
        self.timers[number] = Some((deadline, self.moves));
        self.list.insert((deadline, self.moves), number);
    }

    fn take(&mut self, number: usize) -> Option<usize> {
        self.timers[number].take().and_then(|place| self.list.remove(&place))
    }

    fn run(&mut self, duration: u64) {
        let end = self.now + duration as i64;
        loop {
            self.turn(end);
            if self.now >= end {
                return;
            }
        }
    }

    /// Time jumps to what comes next, and what is due then fires in its order.
    fn turn(&mut self, end: i64) {
        let first = self.list.first_key_value().map_or(end, |((deadline, _), _)| *deadline);
        self.now = first.min(end).max(self.now);
        let due = self.list.range(..=(self.now, u64::MAX)).take(BUDGET);
        let due: Vec<_> = due.map(|(place, number)| (*place, *number)).collect();
        for (place, number) in due {
            self.fire(place, number);
        }
    }

    /// Unless it was cancelled or moved since.
    fn fire(&mut self, place: Place, number: usize) {
        if self.timers[number] == Some(place) {
            self.take(number);
            self.fired.push((self.now, number));
            let reaction = self.reactions[number].clone();
            self.perform(&reaction, &Action::Nothing);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn rule_4_4_crowds_fire_in_the_order_of_a_sorted_list(steps in vec(step(), 1..60)) {
        let events = EventLoop::builder().test_clock().build().unwrap();
        let (real, mut model) = (Real::new(&events), Model::default());
        for step in &steps {
            match step {
                Step::Do(action, reaction) => {
                    real.perform(action, reaction);
                    model.perform(action, reaction);
                }
                Step::Run(duration) => {
                    events.run_for(Duration::from_nanos(*duration)).unwrap();
                    model.run(*duration);
                }
            }
            prop_assert_eq!(real.handle.now(), model.now);
            prop_assert_eq!(&*real.fired.borrow(), &model.fired);
            prop_assert_eq!(real.handle.live(), model.list.len());
        }
    }
}
