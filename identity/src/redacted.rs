//! Printing things that hold personal data without printing it.
//!
//! `{:?}` ends in logs sooner or later. So what holds a name, an e-mail or an address prints its ids and what else says
//! nothing about anybody, and `..` for the rest.

/// `Debug` for a struct with the fields that may be seen.
macro_rules! shown {
    ($type:ident: $($field:ident),*) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type))
                    $(.field(stringify!($field), &self.$field))*
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(crate) use shown;
