//! A compiled environment.
//!
//! A config never changes. A change makes a new one that shares every unchanged flag with the old, so that an edge
//! swaps one pointer, and requests under way finish on what they began with.

mod recompile;

use std::sync::Arc;

use jiff::Timestamp;

use crate::context::Context;
use crate::evaluation::{ErrorCode, Evaluation, Reason};
use crate::flag::{Body, Flag, Segment};
use crate::model::{EnvironmentDefinition, ValueType};
use crate::names::{FlagSlot, Links, SegmentSlot};
use crate::problem::{Defect, ProblemKind};
use crate::run::{Run, Untraced};
use crate::wire::ObjectKind;

pub use recompile::Change;

/// A compiled environment. Immutable; share it in an [`Arc`].
#[derive(Debug)]
pub struct Config {
    id: Box<str>,
    salt: Box<str>,
    position: Box<str>,
    links: Links,
    /// By slot; empty where a key is only referred to, or its flag is gone.
    flags: Vec<Option<Arc<Flag>>>,
    segments: Vec<Option<Arc<Segment>>>,
    /// The slots that have a flag, in the order of their keys.
    order: Arc<[FlagSlot]>,
}

/// A flag of a config, found already.
#[derive(Debug, Clone, Copy)]
pub struct FlagHandle<'c> {
    flag: &'c Flag,
    slot: FlagSlot,
}

impl<'c> FlagHandle<'c> {
    /// The flag's key.
    pub fn key(&self) -> &'c str {
        &self.flag.key
    }

    /// What its values are.
    pub fn kind(&self) -> ValueType {
        self.flag.kind
    }

    /// Whether client-side keys may see it.
    pub fn client_side(&self) -> bool {
        self.flag.client_side
    }

    /// A number that names the flag in this config and in every one recompiled from it.
    pub fn index(&self) -> usize {
        self.slot.0
    }
}

impl Config {
    /// Compiles an environment. What cannot be compiled is reported and answers with an error; everything else
    /// works.
    pub fn compile(definition: &EnvironmentDefinition) -> (Self, Vec<Defect>) {
        let empty = Self {
            id: definition.id.as_str().into(),
            salt: definition.salt.as_str().into(),
            position: definition.position.as_str().into(),
            links: Links::default(),
            flags: Vec::new(),
            segments: Vec::new(),
            order: Arc::default(),
        };
        let mut twice = Vec::new();
        let mut first = |object, seen: &mut rustc_hash::FxHashSet<String>, key: &String| {
            let new = seen.insert(key.clone());
            if !new {
                twice.push(Defect::new(object, key, ProblemKind::DuplicateKey));
            }
            new
        };
        let (mut flag_keys, mut segment_keys) = Default::default();
        let flags: Vec<Change<'_>> = definition
            .flags
            .iter()
            .filter(|flag| first(ObjectKind::Flag, &mut flag_keys, &flag.key))
            .map(Change::PutFlag)
            .collect();
        let segments: Vec<Change<'_>> = definition
            .segments
            .iter()
            .filter(|segment| first(ObjectKind::Segment, &mut segment_keys, &segment.key))
            .map(Change::PutSegment)
            .collect();
        let changes = segments.into_iter().chain(flags);
        let (config, mut defects) = empty.recompile(&definition.position, changes);
        defects.extend(twice);
        (config, defects)
    }

    /// The commit this config corresponds to, a decimal string.
    pub fn position(&self) -> &str {
        &self.position
    }

    /// The environment's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Every flag, in the order of their keys.
    pub fn flags(&self) -> impl ExactSizeIterator<Item = FlagHandle<'_>> {
        self.order.iter().map(|slot| {
            let flag = self.flag_at(*slot).expect("the order names only slots that have a flag");
            FlagHandle { flag, slot: *slot }
        })
    }

    /// A flag by its key.
    pub fn flag(&self, key: &str) -> Option<FlagHandle<'_>> {
        let slot = self.slot(key)?;
        self.flag_at(slot).map(|flag| FlagHandle { flag, slot })
    }

    /// Which variation of a flag a context gets.
    #[inline]
    pub fn evaluate(&self, flag: &str, context: &Context, now: Timestamp) -> Evaluation<'_> {
        match self.slot(flag) {
            Some(slot) => self.evaluate_slot(slot, context, now),
            None => self.error(ErrorCode::FlagNotFound),
        }
    }

    /// The same for a flag that was found already. Handles of another config are answered by their number.
    pub fn evaluate_at(
        &self,
        flag: FlagHandle<'_>,
        context: &Context,
        now: Timestamp,
    ) -> Evaluation<'_> {
        self.evaluate_slot(flag.slot, context, now)
    }

    /// Every flag with its answer, in the order of their keys.
    pub fn evaluate_all<'c, 'x>(
        &'c self,
        context: &'x Context,
        now: Timestamp,
    ) -> impl ExactSizeIterator<Item = (FlagHandle<'c>, Evaluation<'c>)> + use<'c, 'x> {
        self.flags().map(move |flag| (flag, self.evaluate_at(flag, context, now)))
    }

    /// The answer when there is none, with this config's position.
    pub fn error(&self, code: ErrorCode) -> Evaluation<'_> {
        Evaluation {
            value: None,
            variation: None,
            variation_index: None,
            reason: Reason::Error,
            error: Some(code),
            rule: None,
            experiment: None,
            position: &self.position,
        }
    }

    /// Answers what needs no context at once; most flags of most environments are so.
    #[inline]
    fn evaluate_slot(&self, slot: FlagSlot, context: &Context, now: Timestamp) -> Evaluation<'_> {
        if let Some(flag) = self.flag_at(slot)
            && let Ok(body) = &flag.body
            && let Some((variation, reason)) = body.fixed
        {
            return self.answer(body, variation, reason, None, None);
        }
        Run::new(self, context, now, Untraced).evaluate(slot)
    }

    #[inline]
    pub(crate) fn answer<'c>(
        &'c self,
        body: &'c Body,
        variation: usize,
        reason: Reason,
        rule: Option<&'c str>,
        experiment: Option<&'c str>,
    ) -> Evaluation<'c> {
        let served = &body.variations[variation];
        Evaluation {
            value: Some(&served.value),
            variation: Some(&served.key),
            variation_index: Some(variation),
            reason,
            error: None,
            rule,
            experiment,
            position: &self.position,
        }
    }

    #[inline]
    pub(crate) fn slot(&self, flag: &str) -> Option<FlagSlot> {
        self.links.flags.get(flag).map(FlagSlot)
    }

    #[inline]
    pub(crate) fn flag_at(&self, slot: FlagSlot) -> Option<&Flag> {
        self.flags.get(slot.0)?.as_deref()
    }

    #[inline]
    pub(crate) fn segment_at(&self, slot: SegmentSlot) -> Option<&Segment> {
        self.segments.get(slot.0)?.as_deref()
    }

    pub(crate) fn flag_key(&self, slot: FlagSlot) -> &str {
        self.links.flags.key(slot.0)
    }

    pub(crate) fn segment_key(&self, slot: SegmentSlot) -> &str {
        self.links.segments.key(slot.0)
    }
}
