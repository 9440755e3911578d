using Microsoft.AspNetCore.Http;
using Tempo.Engine.Node;

namespace Tempo.Host.Http;

/// <summary><c>GET /status/dedicated_columns</c>: which attributes get columns of their own in new blocks, and why; for people.</summary>
internal static class DedicatedColumnsEndpoint
{
    public static ApiRoute Route(TempoNode node) =>
        new("/status/dedicated_columns", "status_dedicated_columns", AllowedMethods.Get, (context, _) =>
            PlainText.WriteAsync(
                context, StatusCodes.Status200OK, "GET /status/dedicated_columns\n" + Render(node.DescribeDedicatedColumns())));

    internal static string Render(IReadOnlyList<PromotedColumn> columns) => TextTable.Render(
        [["tenant", "scope", "name", "type", "why"],
            .. columns.Select(static column => new[] { column.Tenant, column.Scope, column.Name, column.Type, column.Reason })]);
}
