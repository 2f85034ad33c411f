//! Models and roles as flags name them.

use llm::{ModelSpec, Role};
use protocol::{Effort, ModelId};

use crate::failure::Failure;

/// A model as people name it; none for `none`.
pub(crate) fn parse(given: &str) -> Result<Option<ModelId>, Failure> {
    ModelSpec::parse(given)
        .map(|it| it.model().cloned())
        .map_err(|source| Failure::usage("choose the models", source))
}

/// `role=level`, as in `refine=high`.
pub(crate) fn effort_of_role(given: &str) -> Result<(Role, Effort), String> {
    let (role, level) = given
        .split_once('=')
        .ok_or("write a role and a level, as in refine=high")?;
    Ok((role_named(role)?, level.parse()?))
}

/// `role=vendor:model`, as in `review=openai:gpt-6.1-sol`.
pub(crate) fn fallback_of_role(given: &str) -> Result<(Role, ModelId), String> {
    let (role, model) = given
        .split_once('=')
        .ok_or("write a role and a model, as in review=openai:gpt-6.1-sol")?;
    let role = role_named(role)?;
    let model = parse(model).map_err(|it| it.to_string())?;
    let model = model.ok_or("`none` can't stand in for anybody (leave the flag out)")?;
    Ok((role, model))
}

fn role_named(role: &str) -> Result<Role, String> {
    Role::named(role).ok_or_else(|| {
        let names = Role::ALL.map(Role::name).join(", ");
        format!("`{role}` is no role (there are {names})")
    })
}
