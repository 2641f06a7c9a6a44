//! Values seen at one blanked position of otherwise equal patterns.

use super::slots::Ref;

/// Marks a member whose likely positions are all blanked at once.
pub(crate) const ALL_LIKELY: u16 = u16::MAX;

/// A template that takes part, and where its pattern was blanked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    pub(crate) value: u32,
    pub(crate) reference: Ref,
    /// Edition of the member's pattern `position` refers to.
    pub(crate) edition: u16,
    pub(crate) position: u16,
}

/// Distinct values at one position and the templates that hold them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sibling {
    pub(crate) members: Vec<Member>,
    /// A value named a state, so that more evidence is asked for.
    pub(crate) states: bool,
}

impl Sibling {
    /// Adds a value unless it is known; returns the number of distinct values.
    pub(crate) fn add(&mut self, member: Member, is_state: bool) -> usize {
        self.states |= is_state;
        match self.members.iter_mut().find(|known| known.value == member.value) {
            Some(known) => *known = member,
            None => self.members.push(member),
        }
        self.members.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.members.capacity() * size_of::<Member>()
    }
}
