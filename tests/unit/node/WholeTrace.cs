using Tempo.Engine.Foundation;
using Tempo.Engine.Node;

namespace Tempo.Node.Tests;

/// <summary>A trace by id in one piece: OTLP TracesData, empty if nothing was found.</summary>
internal sealed record WholeTrace(ReadOnlyMemory<byte> Trace, bool Partial, string Message);

/// <summary>For traces that a test has made, and that are small.</summary>
internal static class WholeTraces
{
    public static async Task<WholeTrace> FindTraceAsync(
        this TempoNode node, TenantSet tenants, TraceId id, long startSeconds, long endSeconds, CancellationToken cancellation)
    {
        using var reading = await node.ReadTraceAsync(tenants, id, startSeconds, endSeconds, cancellation);
        using var output = new NativeBuffer();
        reading.Trace.WritePart(output, int.MaxValue);
        return new WholeTrace(output.Written.ToArray(), reading.Trace.Damage.Length > 0, reading.Trace.Damage);
    }
}
