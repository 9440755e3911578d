using Tempo.Engine.Foundation;

namespace Tempo.Host.Foreign.Jaeger;

/// <summary>What a service does, by the kind of span.</summary>
internal static class JaegerOperations
{
    // A span without a kind is one of kind "" to Jaeger.
    private static readonly (string Kind, string Shown)[] Kinds =
        [("unspecified", ""), ("client", "client"), ("consumer", "consumer"), ("internal", "internal"), ("producer", "producer"),
            ("server", "server")];

    /// <summary>Names with their kinds, sorted; of one kind only if it is named. A kind that there is not has no names.</summary>
    public static async Task<List<(string Name, string Kind)>> ListAsync(
        ForeignQueries queries, TenantSet asked, string service, string kind, CancellationToken cancellation)
    {
        var operations = new List<(string Name, string Kind)>();
        foreach (var (known, shown) in Kinds)
        {
            if (kind.Length > 0 && kind != shown) continue;
            var spans = new SpanQuery();
            spans.HasService(service);
            spans.HasKind(known);
            foreach (var name in await queries.NamesAsync(asked, spans, cancellation).ConfigureAwait(false)) operations.Add((name, shown));
        }

        operations.Sort(static (a, b) =>
            string.CompareOrdinal(a.Name, b.Name) is var order and not 0 ? order : string.CompareOrdinal(a.Kind, b.Kind));
        return operations;
    }
}
