using Tempo.Engine.Foundation;

namespace Tempo.Host.Foreign;

/// <summary>Calls of one service by another.</summary>
internal readonly record struct ServiceCall(string Parent, string Child);

/// <summary>
/// Which services call which, counted on the newest traces of a range: a span whose parent is of another service is a call.
/// A sample, since every trace has to be read whole; the graph of all spans is the metrics generator's.
/// </summary>
internal static class ServiceDependencies
{
    /// <summary>Traces that are read: enough for the shape of the graph, and under a second of work.</summary>
    public const int MaxTraces = 500;

    public static async Task<Dictionary<ServiceCall, (long Calls, long Errors)>> CountAsync(
        ForeignQueries queries, TenantSet asked, TimeRange range, CancellationToken cancellation)
    {
        var calls = new Dictionary<ServiceCall, (long Calls, long Errors)>();
        foreach (var id in await queries.SearchAsync(asked, new SpanQuery(), range, MaxTraces, cancellation).ConfigureAwait(false))
        {
            var services = new Dictionary<ulong, string>();
            var children = new List<(ulong Parent, string Service, bool IsError)>();
            await foreach (var part in queries.ReadAsync(asked, id, cancellation).ConfigureAwait(false))
            {
                foreach (var span in part)
                {
                    services.TryAdd(span.SpanId, span.Resource.ServiceName);
                    if (span.ParentSpanId != 0) children.Add((span.ParentSpanId, span.Resource.ServiceName, span.StatusCode == 2));
                }
            }

            foreach (var (parent, service, isError) in children)
            {
                if (!services.TryGetValue(parent, out var caller) || caller == service) continue;
                var call = new ServiceCall(caller, service);
                var (count, errors) = calls.GetValueOrDefault(call);
                calls[call] = (count + 1, isError ? errors + 1 : errors);
            }
        }

        return calls;
    }
}
