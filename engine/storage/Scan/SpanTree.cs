using System.Numerics;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// The tree of one trace: which span is whose parent, and the nested-set numbers (storage specification §4.7).
/// <para>
/// A span id normally stands once. Zipkin's shared spans use one id for the client's and the server's half: then a server
/// span hangs below the client half of its own id, other children below the server half. An id that stands more than twice
/// leaves the whole trace without numbers.
/// </para>
/// Numbers: depth first over the roots in order, Left on entry and Right on leaving from one counter that starts at 1;
/// Parent is the parent's Left, -1 for a root; a span that no root leads to has 0, 0, 0. Iterative: a chain of a million
/// spans needs no stack, and a cycle is simply never reached.
/// </summary>
internal sealed class SpanTree
{
    private const byte ServerKind = 2;
    private const byte ClientKind = 3;

    // Open addressing: span id -> index + 1 of its first span; _sameId leads to the second one of that id.
    private int[] _slots = [];
    private int[] _sameId = [];
    private ulong[] _ids = [];
    private byte[] _kinds = [];
    private int[] _firstChild = [];
    private int[] _nextSibling = [];
    private int[] _left = [];
    private int[] _right = [];
    private int[] _parent = [];
    private int[] _childCount = [];
    private int[] _parentIndex = [];
    private int _count;
    private int _mask;

    public ReadOnlySpan<int> Left => _left.AsSpan(0, _count);
    public ReadOnlySpan<int> Right => _right.AsSpan(0, _count);
    public ReadOnlySpan<int> Parent => _parent.AsSpan(0, _count);
    public ReadOnlySpan<int> ChildCount => _childCount.AsSpan(0, _count);
    public ReadOnlySpan<int> ParentIndex => _parentIndex.AsSpan(0, _count);

    /// <summary>Two of the spans that <see cref="RemoveDuplicates"/> kept have the same id.</summary>
    public bool HasSharedIds { get; private set; }

    /// <summary>Keeps the first span of each (span id, kind) in <paramref name="order"/>; returns how many are left.</summary>
    public int RemoveDuplicates(SpanContext context, SpanRef[] spans, Span<int> order)
    {
        ClearSlots(order.Length);
        HasSharedIds = false;
        var kept = 0;
        foreach (var i in order)
        {
            var batch = context[spans[i].Batch];
            var id = batch.SpanId[spans[i].Span];
            var kind = batch.Kind[spans[i].Span];
            if (!TryAddDistinct(id, kind, kept)) continue;
            order[kept++] = i;
        }

        return kept;
    }

    /// <summary>Numbers the spans in their given order.</summary>
    public void Number(SpanContext context, ReadOnlySpan<SpanRef> spans)
    {
        _count = spans.Length;
        ClearSlots(_count);
        ReserveTree(_count);
        var countable = true;
        for (var i = 0; i < spans.Length; i++)
        {
            var batch = context[spans[i].Batch];
            countable &= TryAddAtMostTwo(batch.SpanId[spans[i].Span], batch.Kind[spans[i].Span], i);
        }

        Connect(context, spans);
        if (countable) Walk();
    }

    private void Connect(SpanContext context, ReadOnlySpan<SpanRef> spans)
    {
        _left.AsSpan(0, _count).Clear();
        _right.AsSpan(0, _count).Clear();
        _parent.AsSpan(0, _count).Clear();
        _childCount.AsSpan(0, _count).Clear();
        _firstChild.AsSpan(0, _count).Fill(-1);
        for (var i = spans.Length - 1; i >= 0; i--)
        {
            var parentId = context[spans[i].Batch].ParentSpanId[spans[i].Span];
            var parent = FindParent(i, parentId);
            _parentIndex[i] = parent;
            if (parent < 0) continue;
            _childCount[parent]++;
            _nextSibling[i] = _firstChild[parent];
            _firstChild[parent] = i;
        }
    }

    private int FindParent(int span, ulong parentId)
    {
        var kind = _kinds[span];
        if (kind == ServerKind && FindWithKind(_ids[span], ClientKind, not: span) is >= 0 and var shared) return shared;
        if (parentId == 0) return -1;
        var preferred = FindWithKind(parentId, kind == ServerKind ? ClientKind : ServerKind, not: span);
        if (preferred >= 0) return preferred;
        var any = FindFirst(parentId);
        return any >= 0 && any != span ? any : -2;
    }

    private void Walk()
    {
        var counter = 1;
        for (var root = 0; root < _count; root++)
        {
            if (_parentIndex[root] != -1) continue;
            _parent[root] = -1;
            _left[root] = counter++;
            for (var span = root; ;)
            {
                var child = _firstChild[span];
                if (child >= 0)
                {
                    _firstChild[span] = _nextSibling[child];
                    _parent[child] = _left[span];
                    _left[child] = counter++;
                    span = child;
                    continue;
                }

                _right[span] = counter++;
                if (span == root) break;
                span = _parentIndex[span];
            }
        }
    }

    private void ClearSlots(int count)
    {
        var size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(8, count * 2));
        if (_slots.Length < size) _slots = new int[size];
        else _slots.AsSpan(0, size).Clear();
        _mask = size - 1;
        if (_ids.Length >= count) return;
        GrowableArray.Reserve(ref _ids, count);
        _kinds = new byte[_ids.Length];
    }

    // Apart from the ids: a trace whose tree nobody asks for does without.
    private void ReserveTree(int count)
    {
        if (_left.Length >= count) return;
        GrowableArray.Reserve(ref _left, count);
        var length = _left.Length;
        _sameId = new int[length];
        _firstChild = new int[length];
        _nextSibling = new int[length];
        _right = new int[length];
        _parent = new int[length];
        _childCount = new int[length];
        _parentIndex = new int[length];
    }

    private bool TryAddDistinct(ulong id, byte kind, int index)
    {
        var i = (int)KeyedHash.Of(id) & _mask;
        for (; _slots[i] != 0; i = (i + 1) & _mask)
        {
            if (_ids[_slots[i] - 1] != id) continue;
            if (_kinds[_slots[i] - 1] == kind) return false;
            HasSharedIds = true;
        }

        _slots[i] = index + 1;
        _ids[index] = id;
        _kinds[index] = kind;
        return true;
    }

    private bool TryAddAtMostTwo(ulong id, byte kind, int index)
    {
        _ids[index] = id;
        _kinds[index] = kind;
        _sameId[index] = -1;
        var i = (int)KeyedHash.Of(id) & _mask;
        for (; _slots[i] != 0; i = (i + 1) & _mask)
        {
            var first = _slots[i] - 1;
            if (_ids[first] != id) continue;
            if (_sameId[first] >= 0) return false;
            _sameId[first] = index;
            return true;
        }

        _slots[i] = index + 1;
        return true;
    }

    private int FindFirst(ulong id)
    {
        for (var i = (int)KeyedHash.Of(id) & _mask; _slots[i] != 0; i = (i + 1) & _mask)
            if (_ids[_slots[i] - 1] == id)
                return _slots[i] - 1;
        return -1;
    }

    private int FindWithKind(ulong id, byte kind, int not)
    {
        var first = FindFirst(id);
        if (first < 0) return -1;
        if (_kinds[first] == kind && first != not) return first;
        var second = _sameId[first];
        return second >= 0 && _kinds[second] == kind && second != not ? second : -1;
    }
}
