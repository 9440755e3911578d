using System.Buffers;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Query;
using Tempo.Engine.Storage.Scan;
using Tempo.Host.Foreign;

namespace Tempo.Host.Diff;

/// <summary>Why there is no diff; the text is for the client.</summary>
internal enum DiffFailure
{
    None,

    /// <summary>One of the traces is not there.</summary>
    NotFound,

    /// <summary>A part of a trace cannot be read, or may not be answered.</summary>
    Partial,

    /// <summary>A trace has more spans than are compared.</summary>
    TooLarge,
}

/// <summary>Reads two traces and writes what is different.</summary>
/// <param name="node">Has the traces.</param>
/// <param name="maxTraceBytes">Largest trace of these tenants that is answered whole; 0: no limit.</param>
internal sealed class TraceDiffQuery(TempoNode node, Func<TenantSet, long> maxTraceBytes)
{
    /// <summary>Spans of a trace; each becomes an object of some kilobytes.</summary>
    public const int MaxSpans = 50_000;

    private const int PartBytes = 1 << 20;

    public async Task<(DiffFailure Failure, string Text)> RunAsync(
        TenantSet asked, TraceDiffRequest request, IBufferWriter<byte> output, CancellationToken cancellation)
    {
        var (before, failure) = await LoadAsync(asked, request.Base, "base", cancellation).ConfigureAwait(false);
        if (before is null) return failure;
        var (after, otherFailure) = await LoadAsync(asked, request.Compare, "compare", cancellation).ConfigureAwait(false);
        if (after is null) return otherFailure;
        var diff = TraceDiff.Of(before, after);
        var ids = (request.Base.Id, request.Compare.Id);
        if (request.Format == TracePatchJson.Version) TracePatchJson.Write(diff, ids, output);
        else TraceSummaryJson.Write(diff, ids, request.Format == TraceSummaryJson.Composed, output);
        return (DiffFailure.None, "");
    }

    private async Task<(DiffTree? Tree, (DiffFailure, string))> LoadAsync(
        TenantSet asked, DiffTrace trace, string name, CancellationToken cancellation)
    {
        using var reading =
            await node.ReadTraceAsync(asked, trace.Id, trace.StartSeconds, trace.EndSeconds, cancellation).ConfigureAwait(false);
        var found = reading.Trace;
        if (found.SpanCount == 0) return (null, (DiffFailure.NotFound, "Not Found"));
        if (found.Damage.Length > 0) return (null, (DiffFailure.Partial, $"{name}: the trace is partial: {found.Damage}"));
        if (found.SpanCount > MaxSpans)
            return (null, (DiffFailure.TooLarge, $"{name}: {found.SpanCount} spans, at most {MaxSpans} are compared"));
        var spans = new List<SpanRecord>(found.SpanCount);
        using var part = new NativeBuffer();
        var limit = new TraceSizeLimit(maxTraceBytes(asked));
        while (!found.IsAtEnd)
        {
            part.Clear();
            found.WritePart(part, limit.NextPartBytes(PartBytes));
            limit.Add(part.Written);
            if (limit.IsPassed)
                return (null, (DiffFailure.Partial, $"{name}: the trace is partial: trace exceeds max size (max bytes: {limit.MaxBytes})"));
            spans.AddRange(SpanRecordReader.Read(part.Written));
            cancellation.ThrowIfCancellationRequested();
        }

        return (DiffTree.Of(spans), default);
    }
}
