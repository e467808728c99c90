//! "Did you mean": the known name that is probably meant by a wrong one.

/// Below this similarity (Jaro-Winkler, 0 to 1) a suggestion would be noise.
const ALIKE: f64 = 0.8;

/// The most similar of `known`, if one is similar enough. Case does not count.
pub fn closest<'a, I, S>(wanted: &str, known: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a S>,
    S: AsRef<str> + ?Sized + 'a,
{
    let wanted = wanted.to_lowercase();
    known
        .into_iter()
        .map(|name| {
            (
                strsim::jaro_winkler(&wanted, &name.as_ref().to_lowercase()),
                name.as_ref(),
            )
        })
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn suggests_what_is_alike_and_nothing_else() {
        let known = ["m1.small", "m1.medium", "public"];
        assert_eq!(closest("m1.smal", known.iter()), Some("m1.small"));
        assert_eq!(closest("Pubic", known.iter()), Some("public"));
        assert_eq!(closest("xyz", known.iter()), None);
    }
}
