using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Storage.Tests;

/// <summary>Dedicated columns for keys of <see cref="RandomRequests"/>.</summary>
internal static class TestColumns
{
    public static readonly DedicatedColumns Some = Of(
        (AttributeScope.Resource, "k8s.pod.name", AttributeType.String, DedicatedColumnOptions.None),
        (AttributeScope.Resource, "a", AttributeType.Int, DedicatedColumnOptions.None),
        (AttributeScope.Span, "http.method", AttributeType.String, DedicatedColumnOptions.None),
        (AttributeScope.Span, "http.status_code", AttributeType.Int, DedicatedColumnOptions.None),
        (AttributeScope.Span, "db.statement", AttributeType.String, DedicatedColumnOptions.Blob),
        (AttributeScope.Span, "service.name", AttributeType.String, DedicatedColumnOptions.None),
        (AttributeScope.Event, "msg", AttributeType.String, DedicatedColumnOptions.None),
        (AttributeScope.Event, "a", AttributeType.Int, DedicatedColumnOptions.Array));

    /// <summary>Some keys the same, one of another type, one in another scope.</summary>
    public static readonly DedicatedColumns Others = Of(
        (AttributeScope.Span, "http.method", AttributeType.String, DedicatedColumnOptions.None),
        (AttributeScope.Span, "http.status_code", AttributeType.String, DedicatedColumnOptions.None),
        (AttributeScope.Span, "k8s.pod.name", AttributeType.String, DedicatedColumnOptions.None));

    private static DedicatedColumns Of(
        params (AttributeScope Scope, string Name, AttributeType Type, DedicatedColumnOptions Options)[] columns)
    {
        Assert.True(DedicatedColumns.TryCreate(columns.Select(static c => new DedicatedColumnSpec(c.Scope, c.Name, c.Type, c.Options)),
            out var created, out var error), error);
        return created;
    }
}
