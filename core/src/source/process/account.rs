//! What one process is charged for, so that all that a tree used is counted once.
//!
//! Between two looks most processes of a build come and go unseen. The kernel adds what a process used, and what it
//! waited for itself, to the parent that waits for it; so what no look met is found there. But what a look did meet is
//! found there, too, once it has ended. Therefore an ended process leaves a *claim*: all that it was charged for. What
//! its parent has reaped is charged only as far as no claim covers it.
//!
//! A look is not one instant. A child may be listed after its parent was read, or its parent read after it was reaped;
//! so a claim waits for one more look if what it is about has not shown up, and what was reaped waits for one more
//! look while there are listed children that it may be about. A claim that nothing answers then is dropped: whoever
//! waited for that process is not of the tree. Where this errs it counts too little, of what was never seen.
//!
//! I/O is in one sum with that of children, so it is treated as reaped.

use crate::model::process::Spent;

#[derive(Debug, Clone, Default)]
pub struct Account {
    /// As last seen.
    pub own: Spent,
    pub reaped: Spent,
    /// All that was charged for the process and for what went into it, no matter to which session.
    charged: Spent,
    /// To be charged with this look.
    due: Spent,
    /// Reaped by the last look, or by this one, and not charged yet.
    waiting: Spent,
    fresh: Spent,
    /// Claims that were not answered by the last look.
    open: Spent,
}

impl Account {
    /// What a look shows. Less than before, as of a file that cannot be read any more, is no news.
    pub fn see(&mut self, own: Spent, reaped: Spent) {
        let grown = own - self.own;
        self.fresh = reaped - self.reaped + io_of(grown);
        self.due = grown - io_of(grown);
        self.own = self.own.max(own);
        self.reaped = self.reaped.max(reaped);
    }

    /// Answers as much of a claim as this has reaped, and takes it off.
    pub fn answer(&mut self, claim: &mut Spent) {
        for pot in [&mut self.waiting, &mut self.fresh] {
            let found = pot.min(*claim);
            *pot -= found;
            *claim -= found;
            self.charged += found;
        }
    }

    pub fn has_open(&self) -> bool {
        self.open != Spent::default()
    }

    /// The claims that the last look left open; they do not stay.
    pub fn take_open(&mut self) -> Spent {
        std::mem::take(&mut self.open)
    }

    pub fn keep_open(&mut self, claim: Spent) {
        self.open = claim;
    }

    /// What this look adds, all claims being answered.
    pub fn settle(&mut self, has_children: bool) -> Spent {
        let fresh = std::mem::take(&mut self.fresh);
        let mut charge = std::mem::take(&mut self.due) + std::mem::take(&mut self.waiting);
        if has_children {
            self.waiting = fresh;
        } else {
            charge += fresh;
        }
        self.charged += charge;
        charge
    }

    /// The process has ended: what is still to be charged, and its claim on whoever waited for it.
    pub fn close(mut self) -> (Spent, Spent) {
        let charge = self.settle(false);
        (charge, self.charged + self.open)
    }
}

fn io_of(spent: Spent) -> Spent {
    Spent { read_bytes: spent.read_bytes, written_bytes: spent.written_bytes, ..Spent::default() }
}

#[cfg(test)]
mod tests {
    use super::Account;
    use crate::model::process::Spent;

    fn cpu(cpu_user_ms: u64) -> Spent {
        Spent { cpu_user_ms, ..Spent::default() }
    }

    fn io(read_bytes: u64) -> Spent {
        Spent { read_bytes, ..Spent::default() }
    }

    /// One look at a parent whose ended children claim something.
    fn look(parent: &mut Account, own: Spent, reaped: Spent, mut claim: Spent, has_children: bool) -> Spent {
        parent.see(own, reaped);
        let mut open = parent.take_open();
        parent.answer(&mut open);
        parent.answer(&mut claim);
        parent.keep_open(claim);
        parent.settle(has_children)
    }

    #[test]
    fn a_child_that_was_seen_is_charged_for_what_was_not_seen_of_it() {
        let mut parent = Account::default();
        assert_eq!(look(&mut parent, cpu(10), cpu(0), cpu(0), true), cpu(10));
        assert_eq!(look(&mut parent, cpu(11), cpu(130), cpu(100), false), cpu(1 + 30));
        assert_eq!(parent.close(), (cpu(0), cpu(11 + 130)));
    }

    #[test]
    fn children_that_nobody_saw_are_charged_at_once_or_when_no_listed_one_can_claim_them() {
        let mut parent = Account::default();
        assert_eq!(look(&mut parent, cpu(0), cpu(70), cpu(0), false), cpu(70));
        assert_eq!(look(&mut parent, cpu(0), cpu(90), cpu(0), true), cpu(0));
        assert_eq!(look(&mut parent, cpu(0), cpu(90), cpu(0), true), cpu(20));
    }

    #[test]
    fn a_child_is_counted_once_though_it_was_listed_before_its_parent_was_read() {
        let mut parent = Account::default();
        look(&mut parent, cpu(0), cpu(0), cpu(0), true);
        assert_eq!(look(&mut parent, cpu(0), cpu(105), cpu(0), true), cpu(0));
        assert_eq!(look(&mut parent, cpu(0), cpu(105), cpu(100), false), cpu(5));
    }

    #[test]
    fn a_child_is_counted_once_though_it_was_missed_after_its_parent_was_read() {
        let mut parent = Account::default();
        look(&mut parent, cpu(0), cpu(0), cpu(0), true);
        assert_eq!(look(&mut parent, cpu(0), cpu(0), cpu(100), false), cpu(0));
        assert_eq!(look(&mut parent, cpu(0), cpu(105), cpu(0), false), cpu(5));
    }

    #[test]
    fn a_claim_that_nobody_answers_is_dropped_after_one_more_look() {
        let mut parent = Account::default();
        assert_eq!(look(&mut parent, cpu(0), cpu(0), cpu(1000), false), cpu(0));
        assert_eq!(look(&mut parent, cpu(0), cpu(10), cpu(0), false), cpu(0));
        assert_eq!(look(&mut parent, cpu(0), cpu(30), cpu(0), false), cpu(20));
        assert_eq!(parent.close(), (cpu(0), cpu(30)));
    }

    #[test]
    fn io_of_children_stands_in_their_parents_own() {
        let mut parent = Account::default();
        assert_eq!(look(&mut parent, io(5), io(0), io(0), false), io(5));
        assert_eq!(look(&mut parent, io(5 + 4096 + 1), io(0), io(4096), false), io(1));
    }

    #[test]
    fn what_cannot_be_read_any_more_is_not_charged_twice() {
        let mut process = Account::default();
        assert_eq!(look(&mut process, io(500), io(0), io(0), false), io(500));
        assert_eq!(look(&mut process, io(0), io(0), io(0), false), io(0));
        assert_eq!(look(&mut process, io(501), io(0), io(0), false), io(1));
    }
}
