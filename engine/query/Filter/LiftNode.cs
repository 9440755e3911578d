using System.Buffers;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Filter;

/// <summary>
/// Spans whose resource (or scope) is marked; spans of which one event (or link) is marked, and those without any of which the
/// condition holds all the same.
/// </summary>
internal sealed class LiftNode(FilterNode inner, bool needsOne = false) : FilterNode
{
    // event{ … } asks for an event; a bare condition on event fields is also tried without any.
    private readonly bool _holdsOfNone = inner.HoldsOfNone && !needsOne;

    public override OwnerLevel Level => OwnerLevel.Span;

    // Resources are few; a span in ten has an event or so.
    public override double Cost => inner.Level is OwnerLevel.Resource or OwnerLevel.Scope ? (inner.Cost / 5) + 0.3 : (inner.Cost / 5) + 1;

    public override double Selectivity =>
        inner.Level is OwnerLevel.Resource or OwnerLevel.Scope || _holdsOfNone ? inner.Selectivity : inner.Selectivity / 5;

    public override void Mark(FilterScope scope, ReadOnlySpan<ulong> wanted, Span<ulong> marks)
    {
        var count = scope.Count(inner.Level);
        using var all = FilterScope.Rent(count);
        using var found = FilterScope.Rent(count);
        Bitmap.Fill(all.Bits, count);
        if (count > 0) inner.Mark(scope, all.Bits, found.Bits);
        switch (inner.Level)
        {
            case OwnerLevel.Resource: OfOwner(scope, scope.Batch.Resource.AsSpan(0, scope.SpanCount), found.Bits, count, marks); break;
            case OwnerLevel.Scope: OfOwner(scope, scope.Batch.Scope.AsSpan(0, scope.SpanCount), found.Bits, count, marks); break;
            case OwnerLevel.Event: OfChildren(scope.Batch.EventStart.AsSpan(0, scope.SpanCount + 1), found.Bits, marks); break;
            default: OfChildren(scope.Batch.LinkStart.AsSpan(0, scope.SpanCount + 1), found.Bits, marks); break;
        }
    }

    private static void OfOwner(FilterScope scope, ReadOnlySpan<int> owners, ReadOnlySpan<ulong> found, int count, Span<ulong> marks)
    {
        if (Bitmap.IsEmpty(found))
        {
            marks.Clear();
            return;
        }

        var answers = ArrayPool<byte>.Shared.Rent(count + LookupKernel.PaddingBytes);
        for (var i = 0; i < count; i++) answers[i] = Bitmap.Get(found, i) ? (byte)1 : (byte)0;
        LookupKernel.Run(scope.Kernel, owners, answers, marks);
        ArrayPool<byte>.Shared.Return(answers);
    }

    private void OfChildren(ReadOnlySpan<int> starts, ReadOnlySpan<ulong> found, Span<ulong> marks)
    {
        marks.Clear();
        var ofNone = _holdsOfNone;
        if (!ofNone && Bitmap.IsEmpty(found)) return;
        for (var span = 0; span + 1 < starts.Length; span++)
        {
            var (from, to) = (starts[span], starts[span + 1]);
            var holds = from == to && ofNone;
            for (var child = from; child < to && !holds; child++) holds = Bitmap.Get(found, child);
            if (holds) Bitmap.Set(marks, span);
        }
    }

    // Where it holds of spans without events, no event is needed.
    public override FilterNode? FindExcluding(ISpanFacts facts) => _holdsOfNone ? null : inner.FindExcluding(facts);

    public override string ToString() => inner.ToString();
}
