use super::*;
use crate::error::Category;

#[test]
fn what_only_a_made_server_has_is_refused_by_its_name() {
    let settings =
        Settings::parse("flavor: big\ndns: [9.9.9.9]\napiCidr: [192.0.2.0/24]", "a").unwrap();
    let error = sensible(&settings).unwrap_err();
    assert_eq!(error.category(), Category::Input);
    assert!(
        error.to_string().starts_with("--flavor, --api-cidr cannot"),
        "{error}"
    );
    let settings = Settings::parse("dns: [9.9.9.9]\negressCidr: [192.0.2.0/24]", "a").unwrap();
    assert!(sensible(&settings).is_ok());
}
