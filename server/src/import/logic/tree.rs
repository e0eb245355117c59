//! Which variant an expression names, for whom: a tree of conditions, and the rules it comes to.

use serde_json::Value;

use super::attribute::{Operand, operand};
use super::condition::Cond;
use super::constant::constant;
use super::holds::{self, Branches, holds};
use super::javascript::string;
use super::prefix::Answered;
use super::{Reason, Refusal, Scope, call};

/// What targeting comes to.
#[derive(Debug)]
pub(super) enum Tree {
    /// The default variant.
    Default,
    Variant(String),
    /// No variant has this name: flagd answers with an error.
    Unknown(Refusal),
    If(Cond, Box<Tree>, Box<Tree>),
}

/// Follows an expression to the variants it names.
pub(super) fn result(expression: &Value, scope: &Scope<'_>) -> Result<Tree, Refusal> {
    if let Some(value) = constant(expression, scope)? {
        return leaf(&value, scope);
    }
    let Some((operator, arguments)) = call(expression, scope)? else {
        return scope.refuse(Reason::Result("a list"));
    };
    let inside = scope.field(operator);
    match operator {
        "if" | "?:" => {
            let Branches { branches, otherwise } = Branches::of(arguments, &inside)?;
            let mut tree = match otherwise {
                Some((expression, scope)) => result(expression, &scope)?,
                None => Tree::Default,
            };
            for branch in branches.into_iter().rev() {
                let condition = holds(branch.condition.0, &branch.condition.1)?;
                let then = result(branch.then.0, &branch.then.1)?;
                tree = Tree::If(condition, Box::new(then), Box::new(tree));
            }
            Ok(tree)
        }
        "and" | "or" => {
            // The value of the first part that decides, else of the last.
            let Some(parts) = arguments.as_array() else {
                return scope.refuse(Reason::AlwaysError);
            };
            let mut tree = Tree::Default;
            for (index, part) in parts.iter().enumerate().rev() {
                let at = inside.index(index);
                let value = result(part, &at)?;
                tree = if index + 1 == parts.len() {
                    value
                } else {
                    let holds = holds(part, &at)?;
                    let value = value.knowing(&holds, operator == "or");
                    let decided = if operator == "or" { holds } else { holds.not() };
                    Tree::If(decided, Box::new(value), Box::new(tree))
                };
            }
            Ok(tree)
        }
        "var" => match operand(expression, scope)? {
            Operand::Known(value) => leaf(&value, scope),
            _ => scope.refuse(Reason::Result("an attribute")),
        },
        _ => {
            let flag = |holds: bool| leaf(&Value::from(holds), scope).map(Box::new);
            if let Some(answered) = holds::answered(operator, arguments, &inside) {
                let Answered { at_all, yes } = answered?;
                let yes = Tree::If(yes, flag(true)?, flag(false)?);
                return Ok(Tree::If(at_all, Box::new(yes), Box::new(Tree::Default)));
            }
            Ok(Tree::If(holds(expression, scope)?, flag(true)?, flag(false)?))
        }
    }
}

fn leaf(value: &Value, scope: &Scope<'_>) -> Result<Tree, Refusal> {
    match (value, string(value)) {
        (Value::Null, _) => Ok(Tree::Default),
        (_, Some(name)) if scope.variants.contains(&name) => Ok(Tree::Variant(name)),
        (_, Some(name)) => {
            let (place, reason) = (scope.place.clone(), Reason::Variant(name));
            Ok(Tree::Unknown(Refusal { place, reason }))
        }
        (_, None) => scope.refuse(Reason::Result("a list or an object")),
    }
}

/// Rules to be looked at in order, each with the variant it names.
type Rules = Vec<(Cond, String)>;

impl Tree {
    /// The same where a condition is known to hold, or not to.
    fn knowing(self, known: &Cond, holds: bool) -> Self {
        match self {
            Self::If(condition, yes, _) if condition == *known && holds => {
                yes.knowing(known, holds)
            }
            Self::If(condition, _, no) if condition == *known => no.knowing(known, holds),
            Self::If(condition, yes, no) => {
                let [yes, no] = [yes, no].map(|tree| Box::new(tree.knowing(known, holds)));
                Self::If(condition, yes, no)
            }
            leaf => leaf,
        }
    }

    /// The rules that answer as the tree does. Whom none holds for gets the default variant.
    pub(super) fn rules(self) -> Result<Rules, Refusal> {
        let mut rules = Vec::new();
        self.collect_rules(Cond::Always, &mut rules)?;
        Ok(rules)
    }

    /// Collects the rules for those for whom `guard` holds. Answers whether they name a variant for each of them, so
    /// that none is left for the rules behind.
    fn collect_rules(self, guard: Cond, rules: &mut Rules) -> Result<bool, Refusal> {
        if guard == Cond::Never {
            return Ok(true);
        }
        match self {
            Self::Default => Ok(false),
            Self::Unknown(refusal) => Err(refusal),
            Self::Variant(variant) => {
                rules.push((guard, variant));
                Ok(true)
            }
            Self::If(condition, yes, no) => {
                let complete = yes.collect_rules(guard.clone().and(condition.clone()), rules)?;
                // The same for whoever the rules so far name a variant for, and easier to read.
                let always = condition == Cond::Always;
                let rest = match complete {
                    _ if always => Cond::Never,
                    true => guard,
                    false => guard.and(condition.not()),
                };
                Ok(no.collect_rules(rest, rules)? && complete)
            }
        }
    }
}
