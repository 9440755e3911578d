using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers.Fingerprints;
using Tempo.Engine.Node.Peers.Wire;
using Tempo.Engine.ObjectStore;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Node.Peers.Answers;

/// <summary>
/// Answers what other nodes ask. An answer about live data is of one view of this node: a span that was acknowledged is in its
/// rows or in a block that it names, at every moment.
/// </summary>
internal sealed class PeerAnswers(NodeState state, LocalObjectStore local, BlockStore localStore, ulong incarnation)
{
    /// <summary>Bytes of rows after which an answer ends; the asker comes again for more.</summary>
    private const int MaxRowBytes = 8 << 20;

    /// <summary>Most of an object at once.</summary>
    private const int MaxPartBytes = 32 << 20;

    /// <summary>Appends the answer. Throws <see cref="PeerException"/> for a question that makes no sense.</summary>
    public void Answer(PeerQuestion question, NativeBuffer body, NativeBuffer answer)
    {
        switch (question)
        {
            case PeerQuestion.Live:
                AnswerLive(PeerMessages.DecodeLiveQuestion(body.Written), answer);
                break;
            case PeerQuestion.Metas:
                AnswerMetas(PeerMessages.DecodeMetasQuestion(body.Written), answer);
                break;
            case PeerQuestion.Part:
                AnswerPart(PeerMessages.DecodePartQuestion(body.Written), answer);
                break;
        }
    }

    private void AnswerLive(PeerMessages.LiveQuestion question, NativeBuffer answer)
    {
        // The view first: a block that is uploaded in between is in the list of recent ones by then.
        using var lease = state.Acquire();
        var sources = lease.View.SourcesOf(question.Tenant);
        var hasMore = false;
        if (question.Trace is { } trace) WriteTrace(answer, sources.Live, trace);
        else if (question.Key != 0) hasMore = WriteFingerprints(answer, sources.Live, question);
        else hasMore = WriteRows(answer, sources.Live, question);
        var waiting = sources.Blocks.Where(block => block.Store == localStore).Select(static block => (block.Meta.BlockId, true));
        var recent = state.Recent.All().Where(meta => meta.Tenant == question.Tenant).Select(static meta => (meta.BlockId, false));
        PeerMessages.WriteRest(
            answer, incarnation, waiting.Concat(recent), hasMore, sources.Damage.Length > 0 ? sources.Damage : sources.BlockDamage);
    }

    private bool WriteRows(NativeBuffer answer, IReadOnlyList<LiveBatchView> live, PeerMessages.LiveQuestion question)
    {
        var begin = answer.Length;
        var hasMore = false;
        using var rows = new NativeBuffer(64 * 1024);
        foreach (var view in live)
        {
            rows.Clear();
            var (next, end, bits) = Asked(question, view);
            var room = MaxRowBytes - (answer.Length - begin);
            if (next < end && room > 0) next = OtlpTraceWriter.WriteRows(view.Columns, next, end, room, rows, bits);
            hasMore |= next < end;
            PeerMessages.WriteBatch(answer, view.Batch.Serial, next, rows.Written);
        }

        return hasMore;
    }

    // All that is new, or only what is named; of a batch of which nothing is asked the name alone is written: it is there.
    private (int Next, int End, ulong[]? Bits) Asked(PeerMessages.LiveQuestion question, LiveBatchView view)
    {
        if (question.Wanted.Count == 0) return (FirstNew(question, view), view.SpanCount, null);
        if (question.Incarnation != incarnation || !question.Wanted.TryGetValue(view.Batch.Serial, out var wanted)) return (0, 0, null);
        return (wanted.First, (int)Math.Min(view.SpanCount, wanted.First + wanted.Bits.Length * 64L), wanted.Bits);
    }

    private int FirstNew(PeerMessages.LiveQuestion question, LiveBatchView view) =>
        question.Incarnation == incarnation ? Math.Clamp(question.Have.GetValueOrDefault(view.Batch.Serial), 0, view.SpanCount) : 0;

    private bool WriteFingerprints(NativeBuffer answer, IReadOnlyList<LiveBatchView> live, PeerMessages.LiveQuestion question)
    {
        var room = MaxRowBytes / sizeof(ulong);
        var hasMore = false;
        var hashes = new SpanFingerprints(question.Key);
        ulong[] fingerprints = [];
        foreach (var view in live)
        {
            var first = FirstNew(question, view);
            var count = Math.Min(view.SpanCount - first, room);
            GrowableArray.Reserve(ref fingerprints, count);
            hashes.Of(view.Columns, first, fingerprints.AsSpan(0, count));
            room -= count;
            hasMore |= first + count < view.SpanCount;
            PeerMessages.WriteBatch(answer, view.Batch.Serial, first + count, [], fingerprints.AsSpan(0, count));
        }

        return hasMore;
    }

    private static void WriteTrace(NativeBuffer answer, IReadOnlyList<LiveBatchView> live, TraceId trace)
    {
        var rows = new List<int>();
        using var otlp = new NativeBuffer(16 * 1024);
        var count = 0;
        foreach (var view in live)
        {
            rows.Clear();
            view.Batch.CollectTrace(trace, view.SpanCount, rows);
            foreach (var row in rows) OtlpTraceWriter.WriteRows(view.Columns, row, row + 1, int.MaxValue, otlp);
            count += rows.Count;
        }

        PeerMessages.WriteBatch(answer, 0, count, otlp.Written);
    }

    private void AnswerMetas(HashSet<BlockId> ids, NativeBuffer answer)
    {
        var waiting = state.View.Blocks.Where(block => block.Store == localStore).Select(static block => block.Meta);
        foreach (var meta in waiting.Concat(state.Recent.All()).Where(meta => ids.Contains(meta.BlockId))
            .DistinctBy(static meta => meta.BlockId))
            PeerMessages.WriteMeta(answer, meta.ToJson());
    }

    private void AnswerPart((string Key, long Offset, int Count, bool OnlySize) question, NativeBuffer answer)
    {
        if (!ObjectKey.TryParse(question.Key, out var key, out var error)) throw new PeerException($"no name of an object: {error}");
        using var file = local.TryOpen(key);
        if (file is null) return; // not here, or uploaded and deleted since
        var count = question.OnlySize || question.Offset >= file.SizeBytes
            ? 0
            : (int)Math.Min(Math.Min(question.Count, MaxPartBytes), file.SizeBytes - question.Offset);
        if (file.Read(question.Offset, PeerMessages.WritePart(answer, file.SizeBytes, count)) < count)
            throw new PeerException($"'{key}' ends before its {file.SizeBytes} bytes: someone cut the file");
    }
}
