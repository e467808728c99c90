//! An error on its way to the user: exit code, message with its causes, and what to do.

use std::error::Error;

use capstan_openstack::ConfigError;

use crate::exit::Exit;

/// What a command ends with when it does not end well.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Exit code.
    pub(crate) exit: Exit,
    /// What failed.
    pub(crate) message: String,
    /// Why, from near to far.
    pub(crate) causes: Vec<String>,
    /// What the user can do.
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// One without a cause.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            causes: Vec::new(),
            hint: None,
        }
    }

    /// With the causes of an error.
    pub(crate) fn of(exit: Exit, error: &dyn Error, hint: Option<String>) -> Self {
        let mut causes: Vec<String> = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Some libraries repeat their cause in their own words.
            if causes.last().is_none_or(|last| !last.contains(&text)) {
                causes.push(text);
            }
            source = cause.source();
        }
        Self {
            exit,
            message: error.to_string(),
            causes,
            hint,
        }
    }

    /// With something to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<capstan_management::Error> for Failure {
    fn from(error: capstan_management::Error) -> Self {
        Self::of(error.category().into(), &error, error.hint())
    }
}

impl From<capstan_management::providers::ProviderError> for Failure {
    fn from(error: capstan_management::providers::ProviderError) -> Self {
        capstan_management::Error::from(error).into()
    }
}

impl From<capstan_management::clouds::CloudsError> for Failure {
    fn from(error: capstan_management::clouds::CloudsError) -> Self {
        Self::of(error.category().into(), &error, error.hint())
    }
}

impl From<capstan_management::images::ImagesError> for Failure {
    fn from(error: capstan_management::images::ImagesError) -> Self {
        Self::of(error.category().into(), &error, error.hint())
    }
}

impl From<capstan_management::state::StateError> for Failure {
    fn from(error: capstan_management::state::StateError) -> Self {
        capstan_management::Error::from(error).into()
    }
}

impl From<capstan_management::lock::LockError> for Failure {
    fn from(error: capstan_management::lock::LockError) -> Self {
        capstan_management::Error::from(error).into()
    }
}

impl From<capstan_openstack::Error> for Failure {
    fn from(error: capstan_openstack::Error) -> Self {
        capstan_management::Error::from(error).into()
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let exit = match &error {
            ConfigError::UnknownCloud { .. } | ConfigError::NoFile { .. } => Exit::NotFound,
            ConfigError::Ambiguous { .. } => Exit::NeedsAnswer,
            _ => Exit::Input,
        };
        Self::of(exit, &error, error.hint().map(str::to_owned))
    }
}
