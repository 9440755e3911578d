using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Node;

/// <summary>A dedicated column that new blocks of a tenant get, for people.</summary>
public sealed record PromotedColumn(string Tenant, string Scope, string Name, string Type, string Reason)
{
    internal static PromotedColumn Of(string tenant, DedicatedColumnSpec spec, string reason) =>
        new(tenant, spec.Scope.ToString().ToLowerInvariant(), spec.Name, spec.Type == AttributeType.Int ? "int" : "string", reason);
}
