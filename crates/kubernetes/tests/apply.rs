//! Apply, inventory and prune against a real API server.

use std::time::Duration;

use capstan_kubernetes::{
    Applier, Change, Deadline, ErrorKind, Inventory, ObjectName, Ownership, Pruned, dry_run_create,
    parse_manifest,
};
use capstan_testkit::ApiServer;

const WIDGETS: &str = r"
apiVersion: example.test/v1
kind: Widget
metadata: {name: one, namespace: apply}
spec: {size: 1}
---
apiVersion: v1
kind: Namespace
metadata: {name: apply}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.test}
spec:
  group: example.test
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {size: {type: integer}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: apply}
data: {colour: red}
";

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

#[tokio::test]
async fn objects_in_any_order_are_applied_and_what_is_no_longer_wanted_is_pruned_by_uid() {
    let Some(server) = ApiServer::shared().await else {
        return;
    };
    let applier = Applier::new(server.client().await.unwrap());
    let objects = parse_manifest("widgets", WIDGETS).unwrap();

    let mut seen = Vec::new();
    let first = applier
        .apply(&objects, soon(), |a| seen.push(a.name.kind.clone()))
        .await
        .unwrap();
    assert_eq!(
        seen,
        [
            "Namespace",
            "CustomResourceDefinition",
            "ConfigMap",
            "Widget"
        ]
    );
    assert!(
        first
            .iter()
            .all(|a| a.change == Change::Created && !a.uid.is_empty()),
        "{first:?}"
    );
    let inventory = Inventory::new("apply", "widgets");
    inventory
        .announce(&applier, &objects, soon())
        .await
        .unwrap();
    assert_eq!(inventory.prune(&applier, &first, soon()).await.unwrap(), []);

    let again = applier.apply(&objects, soon(), |_| ()).await.unwrap();
    assert!(
        again
            .iter()
            .all(|a| a.uid == first.iter().find(|b| b.name == a.name).unwrap().uid)
    );

    // The ConfigMap is no longer wanted; a namesake made by somebody else in between must survive.
    let fewer: Vec<_> = objects
        .iter()
        .filter(|o| o.types.as_ref().unwrap().kind != "Widget")
        .cloned()
        .collect();
    let second = applier.apply(&fewer, soon(), |_| ()).await.unwrap();
    let widget = ObjectName {
        api_version: "example.test/v1".into(),
        kind: "Widget".into(),
        namespace: Some("apply".into()),
        name: "one".into(),
    };
    assert_eq!(
        inventory.prune(&applier, &second, soon()).await.unwrap(),
        [Pruned::Deleted(widget)]
    );

    let none: Vec<_> = second
        .iter()
        .filter(|a| a.name.kind == "Namespace")
        .cloned()
        .collect();
    let api = applier
        .kinds()
        .api_of(&ObjectName {
            api_version: "v1".into(),
            kind: "ConfigMap".into(),
            namespace: Some("apply".into()),
            name: "settings".into(),
        })
        .await
        .unwrap();
    api.delete("settings", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    let foreign = parse_manifest(
        "x",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: apply}}",
    )
    .unwrap();
    api.create(&kube::api::PostParams::default(), &foreign[0])
        .await
        .unwrap();
    let pruned = inventory.prune(&applier, &none, soon()).await.unwrap();
    assert!(
        pruned
            .iter()
            .any(|p| matches!(p, Pruned::NotOurs(name) if name.name == "settings")),
        "{pruned:?}"
    );
    assert!(
        pruned
            .iter()
            .any(|p| matches!(p, Pruned::Kept(name) if name.kind == "CustomResourceDefinition"))
    );
    assert!(api.get_opt("settings").await.unwrap().is_some());
}

#[tokio::test]
async fn a_field_that_does_not_exist_is_refused_and_named() {
    let Some(server) = ApiServer::shared().await else {
        return;
    };
    let applier = Applier::new(server.client().await.unwrap());
    let typo = parse_manifest(
        "typo",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: typo, namespace: default}, dat: {a: b}}",
    )
    .unwrap();
    let error = applier.apply(&typo, soon(), |_| ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.to_string().contains("dat"), "{error}");
}

#[tokio::test]
async fn applying_and_waiting_can_be_spawned() {
    let Some(server) = ApiServer::shared().await else {
        return;
    };
    let applier = Applier::new(server.client().await.unwrap());
    let task = tokio::spawn(async move { applier.apply(&[], soon(), |_| ()).await });
    assert!(task.await.unwrap().unwrap().is_empty());
}

#[tokio::test]
async fn a_dry_run_leaves_nothing_and_an_unknown_kind_is_named() {
    let Some(server) = ApiServer::shared().await else {
        return;
    };
    let applier = Applier::new(server.client().await.unwrap());
    let object = parse_manifest(
        "x",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: dry, namespace: default}}",
    )
    .unwrap();
    dry_run_create(applier.kinds(), &object[0]).await.unwrap();
    let api = applier
        .kinds()
        .api_of(&ObjectName::of(&object[0]))
        .await
        .unwrap();
    assert!(api.get_opt("dry").await.unwrap().is_none());
    let unknown = parse_manifest(
        "x",
        "{apiVersion: nowhere.test/v1, kind: Ghost, metadata: {name: a}}",
    )
    .unwrap();
    let error = applier.apply(&unknown, soon(), |_| ()).await.unwrap_err();
    assert!(error.to_string().contains("Ghost"), "{error}");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

const THINGS: &str = "
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: things.all.test},
 spec: {group: all.test, scope: Namespaced, names: {kind: Thing, plural: things}, versions: [{name: v1, served: true,
 storage: true, schema: {openAPIV3Schema: {type: object}}}]}}
---
{apiVersion: all.test/v1, kind: Thing, metadata: {name: one, namespace: default}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: ours, namespace: default}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: made-anew-by-others, namespace: default}, data: {a: b}}
";

#[tokio::test]
async fn everything_listed_is_removed_and_what_is_others_stays() {
    let Some(server) = ApiServer::shared().await else {
        return;
    };
    let applier = Applier::new(server.client().await.unwrap());
    let objects = parse_manifest("all", THINGS).unwrap();
    let names: Vec<_> = objects.iter().map(ObjectName::of).collect();
    let inventory = Inventory::new("default", "all");
    let ownership = async || inventory.ownership(&applier, &names).await.unwrap();
    assert_eq!(ownership().await, [const { Ownership::Missing }; 4]);

    inventory
        .announce(&applier, &objects, soon())
        .await
        .unwrap();
    let done = applier.apply(&objects, soon(), |_| ()).await.unwrap();
    inventory.prune(&applier, &done, soon()).await.unwrap();
    assert_eq!(ownership().await, [const { Ownership::Ours }; 4]);

    let api = applier.kinds().api_of(&names[3]).await.unwrap();
    api.delete(&names[3].name, &kube::api::DeleteParams::default())
        .await
        .unwrap();
    let params = kube::api::PostParams {
        field_manager: Some("somebody".into()),
        ..kube::api::PostParams::default()
    };
    api.create(&params, &objects[3]).await.unwrap();
    assert_eq!(
        ownership().await[3],
        Ownership::Foreign(vec!["somebody".into()])
    );

    let mut gone = Vec::new();
    let count = inventory
        .remove_all(&applier, soon(), |name| gone.push(name.kind.clone()))
        .await
        .unwrap();
    assert_eq!((count, gone.len()), (4, 4));
    let position = |kind: &str| gone.iter().position(|k| k == kind).unwrap();
    assert!(
        position("Thing") < position("CustomResourceDefinition"),
        "{gone:?}"
    );
    assert_eq!(gone[3], "ConfigMap", "the list itself, last");
    assert_eq!(
        ownership().await,
        [
            Ownership::Missing,
            Ownership::Missing,
            Ownership::Missing,
            Ownership::Foreign(vec!["somebody".into()])
        ]
    );
    assert_eq!(
        inventory
            .remove_all(&applier, soon(), |_| ())
            .await
            .unwrap(),
        0,
        "again: nothing left"
    );
}
