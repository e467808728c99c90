//! `${VARIABLE}` in release manifests, by the rules of clusterctl.
//!
//! clusterctl first removes blanks inside the braces of plain variables (`${ NAME }`), then evaluates with
//! `github.com/drone/envsubst`. Of that library's language the forms that release manifests use are understood: `${NAME}`,
//! and the defaults `${NAME:=text}`, `${NAME:-text}`, `${NAME=text}`, which all mean "if the value is empty". A default may
//! hold further substitutions. `$${` gives a literal `${`; any other `$` stands for itself. Bash's string functions
//! (`${NAME/a/b}`, `${NAME:1:2}`, …) are refused by name instead of being passed through.

use std::collections::BTreeMap;

/// Values for variables, by name.
pub type Variables = BTreeMap<String, String>;

/// Why a text could not be substituted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubstitutionError {
    /// Variables without value and without default.
    #[error("no value for {}", .0.join(", "))]
    Missing(Vec<String>),
    /// Something after `${` that is none of the forms above.
    #[error("line {line}: cannot read the substitution {text:?}")]
    Form {
        /// Line in the text, from 1.
        line: usize,
        /// What was found.
        text: String,
    },
}

/// Replaces all variables. All missing ones are reported at once.
pub fn substitute(text: &str, values: &Variables) -> Result<String, SubstitutionError> {
    let mut reader = Reader {
        text,
        at: 0,
        values,
        missing: Vec::new(),
    };
    let result = reader.until_end()?;
    if reader.missing.is_empty() {
        Ok(result)
    } else {
        reader.missing.sort_unstable();
        reader.missing.dedup();
        Err(SubstitutionError::Missing(reader.missing))
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    values: &'a Variables,
    missing: Vec<String>,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn until_end(&mut self) -> Result<String, SubstitutionError> {
        let mut out = String::with_capacity(self.text.len());
        while let Some(found) = self.rest().find('$') {
            out.push_str(&self.rest()[..found]);
            self.at += found;
            if self.rest().starts_with("$${") {
                out.push_str("${");
                self.at += 3;
            } else if self.rest().starts_with("${") {
                out.push_str(&self.variable()?);
            } else {
                out.push('$');
                self.at += 1;
            }
        }
        out.push_str(self.rest());
        Ok(out)
    }

    /// Reads from `${` to the matching `}`.
    fn variable(&mut self) -> Result<String, SubstitutionError> {
        let start = self.at;
        self.at += 2;
        self.skip_blanks();
        let length = self
            .rest()
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or_else(|| self.rest().len());
        if length == 0 {
            return Err(self.form(start));
        }
        let name = self.rest()[..length].to_owned();
        self.at += length;
        let value = self
            .values
            .get(&name)
            .filter(|value| !value.is_empty())
            .cloned();
        let before_blanks = self.at;
        self.skip_blanks();
        if self.rest().starts_with('}') {
            self.at += 1;
            if value.is_none() && !self.values.contains_key(&name) {
                self.missing.push(name);
            }
            return Ok(value.unwrap_or_default());
        }
        self.at = before_blanks;
        let operator = [":=", ":-", "="]
            .into_iter()
            .find(|operator| self.rest().starts_with(operator));
        let Some(operator) = operator else {
            return Err(self.form(start));
        };
        self.at += operator.len();
        // What a default refers to counts as missing only when the default is used.
        let missing = self.missing.len();
        let default = self.default_text(start)?;
        if value.is_some() {
            self.missing.truncate(missing);
        } else if default.is_empty()
            && !self.values.contains_key(&name)
            && self.missing.len() == missing
        {
            // As in clusterctl: an empty default is no default.
            self.missing.push(name);
        }
        Ok(value.unwrap_or(default))
    }

    fn default_text(&mut self, start: usize) -> Result<String, SubstitutionError> {
        let mut out = String::new();
        loop {
            let Some(found) = self.rest().find(['$', '}', '\n']) else {
                return Err(self.form(start));
            };
            out.push_str(&self.rest()[..found]);
            self.at += found;
            if self.rest().starts_with('}') {
                self.at += 1;
                return Ok(out);
            }
            if self.rest().starts_with("${") {
                out.push_str(&self.variable()?);
            } else if self.rest().starts_with('$') {
                out.push('$');
                self.at += 1;
            } else {
                return Err(self.form(start));
            }
        }
    }

    fn skip_blanks(&mut self) {
        let blanks = self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
        self.at += blanks;
    }

    fn form(&self, start: usize) -> SubstitutionError {
        let line = self.text[..start].lines().count().max(1);
        let text = self.text[start..]
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(60)
            .collect();
        SubstitutionError::Form { line, text }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Variables {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[rstest]
    #[case("--address=${ADDRESS:=:8443}", "--address=:8443")]
    #[case("${SET:=default}", "value")]
    #[case("${UNSET:-default}", "default")]
    #[case("${UNSET=default}", "default")]
    #[case("${EMPTY:=default}", "default")]
    #[case("a=${SET},b=${UNSET:=false},c", "a=value,b=false,c")]
    #[case("${ SET }${SET }${ SET}", "valuevaluevalue")]
    #[case("${UNSET:=<${SET}>}", "<value>")]
    #[case("${SET:=${UNKNOWN}}", "value")]
    #[case("a $ b $(POD) $NAME", "a $ b $(POD) $NAME")]
    #[case("$${KEPT}", "${KEPT}")]
    #[case("ends with ${EMPTY}", "ends with ")]
    fn follows_clusterctl(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(
            substitute(text, &values(&[("SET", "value"), ("EMPTY", "")])).unwrap(),
            expected
        );
    }

    #[test]
    fn all_missing_variables_are_named_at_once() {
        let error = substitute("${B} ${A} ${B} ${C:=x} ${D:=}", &Variables::new()).unwrap_err();
        assert_eq!(
            error,
            SubstitutionError::Missing(vec!["A".into(), "B".into(), "D".into()])
        );
    }

    #[rstest]
    #[case("one\ntwo ${NAME/a/b}", 2)]
    #[case("${NAME:1:2}", 1)]
    #[case("${NAME", 1)]
    #[case("${}", 1)]
    #[case("${NAME:=open\n}", 1)]
    fn what_is_not_understood_is_refused_with_its_line(#[case] text: &str, #[case] at: usize) {
        let error = substitute(text, &values(&[("NAME", "x")])).unwrap_err();
        assert!(
            matches!(error, SubstitutionError::Form { line, .. } if line == at),
            "{error}"
        );
    }
}
