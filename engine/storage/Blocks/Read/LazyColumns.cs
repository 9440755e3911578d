using Tempo.Engine.Storage.Blocks.Cache;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>Brings in the columns of some rows of a row group when they are asked for; remembers which are there.</summary>
internal sealed class LazyColumns : ISpanColumnLoader
{
    private readonly LazyAttributes[] _attributes =
        [.. Enumerable.Range(0, 5).Select(static scope => new LazyAttributes((AttributeScope)scope))];
    private readonly EncodedAttributes[] _encoded =
        [.. Enumerable.Range(0, 5).Select(static scope => new EncodedAttributes((AttributeScope)scope))];
    private readonly TextSubset _texts = new();
    private readonly HashSet<DedicatedColumn> _dedicated = [];
    private RowGroupReader _rows = null!;
    private long _rowStart;
    private int _rowCount;
    private readonly Dictionary<AttributeName, AttributeOccurrences> _found = [];
    private CachedPage? _page;
    private BatchColumns _loaded;
    private BatchColumns _lent;
    private bool _isOutlineLent;

    // By attribute scope the offsets that are known to be all zero, and how many of them: most pages are asked for no attributes, events or
    // links, and need not be zeroed again. For events and links those of the spans.
    private readonly (int[] Starts, int Count)[] _zeroed = [.. Enumerable.Repeat((Array.Empty<int>(), 0), 5)];

    public void Begin(RowGroupReader rows, SpanBatch batch, long rowStart, int rowCount)
    {
        (_rows, _rowStart, _rowCount) = (rows, rowStart, rowCount);
        _loaded = BatchColumns.Structure;
        _dedicated.Clear();
        _found.Clear();
        foreach (var attributes in _attributes) attributes.Begin();
        foreach (var attributes in _encoded) attributes.Begin();
        GiveBack(batch);
        _page = rows.CachedPage(rowStart, rowCount);
    }

    /// <summary>Until they are read, nobody has attributes, events or links.</summary>
    public void EmptyOwners(SpanBatch batch)
    {
        Empty(AttributeScope.Span, ref batch.AttributeStart, batch.SpanCount);
        Empty(AttributeScope.Resource, ref batch.Resources.AttributeStart, batch.Resources.Count);
        Empty(AttributeScope.Scope, ref batch.Scopes.AttributeStart, batch.Scopes.Count);
        Empty(AttributeScope.Event, ref batch.EventStart, batch.SpanCount);
        Empty(AttributeScope.Link, ref batch.LinkStart, batch.SpanCount);
    }

    private void Empty(AttributeScope scope, ref int[] starts, int ownerCount)
    {
        ref var zeroed = ref _zeroed[(int)scope];
        if (ReferenceEquals(zeroed.Starts, starts) && zeroed.Count > ownerCount) return;
        ColumnMemory.TakeZeroed(ref starts, ownerCount + 1);
        zeroed = (starts, ownerCount + 1);
    }

    /// <summary>The outline from the cache, if it is there.</summary>
    public bool TryLendOutline(SpanBatch batch)
    {
        if (_page?.Outline is not { } outline) return false;
        outline.LendTo(batch);
        return _isOutlineLent = true;
    }

    /// <summary>The outline was read.</summary>
    public void KeepOutline(SpanBatch batch) => _page?.KeepOutline(batch);

    // What was lent belongs to others, and must not be written to when the batch is filled again.
    private void GiveBack(SpanBatch batch)
    {
        if (_isOutlineLent)
            (batch.TraceIds, batch.TraceStart, batch.TraceEnd, batch.Trace, batch.Resource, batch.Scope, batch.Status) =
                ([], [], [], [], [], [], []);
        if (_lent.HasFlag(BatchColumns.Starts)) batch.StartUnixNano = [];
        if (_lent.HasFlag(BatchColumns.Durations)) batch.DurationNano = [];
        if (_lent.HasFlag(BatchColumns.Kind)) batch.Kind = [];
        if (_lent.HasFlag(BatchColumns.ParentSigns)) batch.ParentSign = [];
        if (_lent.HasFlag(BatchColumns.Roots)) (batch.RootName, batch.RootServiceName) = (new StringColumn(), new StringColumn());
        if (_lent.HasFlag(BatchColumns.Name)) batch.Name = new StringColumn();
        if (_lent.HasFlag(BatchColumns.TreeNumbers)) (batch.TreeLeft, batch.TreeRight, batch.TreeParent) = ([], [], []);
        if (_lent.HasFlag(BatchColumns.OwnSpanIds)) batch.SpanId = [];
        if (_lent.HasFlag(BatchColumns.SpanIds)) batch.ParentSpanId = [];
        if (_lent.HasFlag(BatchColumns.ResourceServiceNames))
            (batch.Resources.ServiceName, batch.Resources.HasServiceName) = (new StringColumn(), []);
        (_lent, _isOutlineLent) = (BatchColumns.Structure, false);
    }

    /// <summary>Lets go of the block and of what was lent.</summary>
    public void Release(SpanBatch batch)
    {
        GiveBack(batch);
        (_rows, _page) = (null!, null);
        _dedicated.Clear();
        _found.Clear();
        foreach (var attributes in _attributes) attributes.Release();
        foreach (var attributes in _encoded) attributes.Release();
    }

    public bool TryFindAttribute(AttributeScope scope, byte[] key, out AttributeOccurrences found)
    {
        var name = new AttributeName(scope, key);
        if (_found.TryGetValue(name, out found!)) return true;
        if (_page?.TryGetAttribute(scope, key, out found) != true) return false;
        _found.Add(name, found);
        return true;
    }

    public bool TryTakeAttribute(
        SpanBatch batch, AttributeScope scope, byte[] key, ReadOnlySpan<int> codes, AttributeParts likely, out AttributeOccurrences found)
    {
        found = AttributeOccurrences.None;
        if (_attributes[(int)scope].Has(AttributeParts.Keys)) return false;
        LoadOwners(batch, scope);
        _rows.Select(_rowStart, _rowCount);
        try
        {
            if (_encoded[(int)scope].Find(_rows, RowGroupReader.OwnerCount(batch, scope), codes, likely) is not { } taken) return false;
            found = taken;
        }
        catch (Exception e) when (BlockReadException.IsOfReading(e))
        {
            throw BlockReadException.Of(e, _rows.OnDamage);
        }

        // Where nothing is kept the texts may stay the dictionary's.
        if (_page is not null) _page.Keep(scope, key, found, found.Count == 0 ? 0 : _texts.TakeOver(found.Values));
        _found[new AttributeName(scope, key)] = found;
        return true;
    }

    public AttributeOccurrences TakeAttribute(
        SpanBatch batch, AttributeScope scope, byte[] key, ReadOnlySpan<ulong> places, AttributeParts likely)
    {
        var found = AttributeOccurrences.None;
        long tableBytes = 0;
        if (places.ContainsAnyExcept(0UL))
        {
            LoadAttributes(batch, scope, AttributeParts.All, places, likely);
            // Where nothing is kept it is good as long as the page.
            found = _page is null
                ? _attributes[(int)scope].Gather(batch, places)
                : _attributes[(int)scope].Take(batch, places, out tableBytes);
        }

        _page?.Keep(scope, key, found, tableBytes);
        _found[new AttributeName(scope, key)] = found;
        return found;
    }

    public void Load(SpanBatch batch, BatchColumns columns)
    {
        columns = WithRows(columns) & ~_loaded;
        if (columns != BatchColumns.Structure && _page is not null)
        {
            var lent = _page.LendTo(batch, columns);
            _lent |= lent;
            _loaded |= lent;
            columns &= ~lent;
        }

        if (columns == BatchColumns.Structure) return;
        if (columns.HasFlag(BatchColumns.EventRows)) _zeroed[(int)AttributeScope.Event] = ([], 0);
        if (columns.HasFlag(BatchColumns.LinkRows)) _zeroed[(int)AttributeScope.Link] = ([], 0);
        _rows.Select(_rowStart, _rowCount);
        BlockReadException.Guard((Rows: _rows, Batch: batch, Columns: columns), static more =>
        {
            more.Rows.ReadMore(more.Batch, more.Columns);
            return true;
        }, _rows.OnDamage);
        _loaded |= columns;
        _page?.Keep(batch, columns);
        if (columns.HasFlag(BatchColumns.SpanAttributes)) LoadAll(batch, AttributeScope.Span);
        if (columns.HasFlag(BatchColumns.Resources)) LoadAll(batch, AttributeScope.Resource);
        if (columns.HasFlag(BatchColumns.Scopes)) LoadAll(batch, AttributeScope.Scope);
        if (columns.HasFlag(BatchColumns.Events)) LoadAll(batch, AttributeScope.Event);
        if (columns.HasFlag(BatchColumns.Links)) LoadAll(batch, AttributeScope.Link);
    }

    public void LoadAttributes(SpanBatch batch, AttributeScope scope, AttributeParts parts, ReadOnlySpan<ulong> places) =>
        LoadAttributes(batch, scope, parts, places, AttributeParts.Texts);

    private void LoadAttributes(
        SpanBatch batch, AttributeScope scope, AttributeParts parts, ReadOnlySpan<ulong> places, AttributeParts likely)
    {
        LoadOwners(batch, scope);
        var attributes = _attributes[(int)scope];
        if (attributes.Has(parts)) return;
        // Those of events' and links' attributes are another array.
        if (scope is AttributeScope.Span or AttributeScope.Resource or AttributeScope.Scope) _zeroed[(int)scope] = ([], 0);
        _rows.Select(_rowStart, _rowCount);
        try
        {
            attributes.Load(_rows, batch, parts, places, likely);
        }
        catch (Exception e) when (BlockReadException.IsOfReading(e))
        {
            throw BlockReadException.Of(e, _rows.OnDamage);
        }
    }

    public AttributeOccurrences TakeAttributesOf(
        SpanBatch batch, AttributeScope scope, ReadOnlySpan<ulong> owners, AttributeOccurrences space)
    {
        if (!_attributes[(int)scope].Has(AttributeParts.Keys))
        {
            LoadOwners(batch, scope);
            _rows.Select(_rowStart, _rowCount);
            try
            {
                if (_encoded[(int)scope].TryFindOf(_rows, RowGroupReader.OwnerCount(batch, scope), owners, space)) return space;
            }
            catch (Exception e) when (BlockReadException.IsOfReading(e))
            {
                throw BlockReadException.Of(e, _rows.OnDamage);
            }
        }

        LoadAttributes(batch, scope, AttributeParts.All, []);
        return _attributes[(int)scope].OfOwners(batch, owners);
    }

    // Events and links are not part of the outline.
    private void LoadOwners(SpanBatch batch, AttributeScope scope)
    {
        if (scope == AttributeScope.Event) Load(batch, BatchColumns.EventRows);
        if (scope == AttributeScope.Link) Load(batch, BatchColumns.LinkRows);
    }

    public void LoadDedicated(SpanBatch batch, DedicatedColumn column)
    {
        if (_dedicated.Contains(column)) return;
        if (column.Scope == AttributeScope.Event) Load(batch, BatchColumns.EventRows);
        _rows.Select(_rowStart, _rowCount);
        BlockReadException.Guard((Rows: _rows, Batch: batch, Column: column), static read =>
        {
            read.Rows.ReadDedicated(read.Batch, read.Column);
            return true;
        }, _rows.OnDamage);
        _dedicated.Add(column);
    }

    private void LoadAll(SpanBatch batch, AttributeScope scope)
    {
        LoadAttributes(batch, scope, AttributeParts.All, []);
        foreach (var column in batch.Dedicated)
            if (column.Scope == scope)
                LoadDedicated(batch, column);
    }

    private static BatchColumns WithRows(BatchColumns columns)
    {
        if (columns.HasFlag(BatchColumns.SpanIds)) columns |= BatchColumns.OwnSpanIds;
        if (columns.HasFlag(BatchColumns.Resources)) columns |= BatchColumns.ResourceServiceNames;
        if (columns.HasFlag(BatchColumns.Scopes)) columns |= BatchColumns.ScopeNames;
        if (columns.HasFlag(BatchColumns.Events)) columns |= BatchColumns.EventRows;
        if (columns.HasFlag(BatchColumns.Links)) columns |= BatchColumns.LinkRows;
        return columns;
    }
}
