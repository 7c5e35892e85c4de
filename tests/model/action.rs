//! What the test does to the loop, from outside or from within a callback.

use event::Interest;
use proptest::prelude::*;

/// How many descriptors and timers take part.
pub const PLACES: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Level,
    Edge,
    OneShot,
}

/// How the descriptor is handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    Owned,
    Shared,
}

/// A watch to be made, and what its callbacks do when they run.
#[derive(Clone, Debug)]
pub struct Order {
    pub mode: Mode,
    pub ownership: Ownership,
    pub interest: Interest,
    pub then: Box<Action>,
}

#[derive(Clone, Debug)]
pub enum Action {
    Nothing,
    Panic,
    /// In a callback: takes what there is to read.
    Drain,
    /// In a callback: ends its own watch.
    EndOneself,
    Watch(usize, Order),
    /// Ends a watch by its descriptor's number.
    Unwatch(usize),
    /// Ends a watch by dropping its handle.
    Drop(usize),
    /// Lets the test's handle of the file go; perhaps a duplicate lives on.
    Close(usize, bool),
    /// Opens another file under the same number.
    Reopen(usize),
    Rearm(usize),
    SetInterest(usize, Interest),
    /// The peer writes, or hangs up.
    Feed(usize),
    HangUp(usize),
    /// Arms a timer that is due, or one that is not for an hour.
    Arm(usize, bool),
    Cancel(usize),
    Move(usize, bool),
    Defer,
}

fn interest() -> impl Strategy<Value = Interest> {
    (0..4_u8).prop_map(Interest::from_bits_truncate)
}

fn order(then: BoxedStrategy<Action>) -> impl Strategy<Value = Order> {
    let mode = prop_oneof![Just(Mode::Level), Just(Mode::Edge), Just(Mode::OneShot)];
    let ownership = prop_oneof![Just(Ownership::Owned), Just(Ownership::Shared)];
    (mode, ownership, interest(), then).prop_map(|(mode, ownership, interest, then)| Order {
        mode,
        ownership,
        interest,
        then: Box::new(then),
    })
}

/// Without those that make a watch, which would be of no end.
fn simple() -> BoxedStrategy<Action> {
    let place = 0..PLACES;
    prop_oneof![
        Just(Action::Nothing),
        Just(Action::Panic),
        Just(Action::Drain),
        Just(Action::EndOneself),
        Just(Action::Defer),
        place.clone().prop_map(Action::Unwatch),
        place.clone().prop_map(Action::Drop),
        (place.clone(), any_bool()).prop_map(|(place, copy)| Action::Close(place, copy)),
        place.clone().prop_map(Action::Reopen),
        place.clone().prop_map(Action::Rearm),
        (place.clone(), interest()).prop_map(|(place, set)| Action::SetInterest(place, set)),
        (place.clone(), any_bool()).prop_map(|(place, due)| Action::Arm(place, due)),
        place.clone().prop_map(Action::Cancel),
        (place, any_bool()).prop_map(|(place, due)| Action::Move(place, due)),
    ]
    .boxed()
}

fn any_bool() -> proptest::bool::Any {
    proptest::bool::ANY
}

fn watch(then: BoxedStrategy<Action>) -> impl Strategy<Value = Action> {
    (0..PLACES, order(then)).prop_map(|(place, order)| Action::Watch(place, order))
}

pub fn any() -> impl Strategy<Value = Action> {
    let within = prop_oneof![4 => simple(), 1 => watch(simple())].boxed();
    prop_oneof![
        4 => simple(),
        4 => watch(within),
        3 => (0..PLACES).prop_map(Action::Feed),
        1 => (0..PLACES).prop_map(Action::HangUp),
        2 => (0..PLACES).prop_map(Action::Reopen),
    ]
}
