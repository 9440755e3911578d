using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>Brings in the columns of some rows of a row group when they are asked for; remembers which are there.</summary>
internal sealed class LazyColumns : ISpanColumnLoader
{
    private readonly LazyAttributes[] _attributes = [.. Enumerable.Range(0, 5).Select(static scope => new LazyAttributes((AttributeScope)scope))];
    private readonly HashSet<DedicatedColumn> _dedicated = [];
    private RowGroupReader _rows = null!;
    private long _rowStart;
    private int _rowCount;
    private BatchColumns _loaded;

    public void Begin(RowGroupReader rows, long rowStart, int rowCount)
    {
        (_rows, _rowStart, _rowCount) = (rows, rowStart, rowCount);
        _loaded = BatchColumns.Structure;
        _dedicated.Clear();
        foreach (var attributes in _attributes) attributes.Begin();
    }

    public void Load(SpanBatch batch, BatchColumns columns)
    {
        columns = WithRows(columns) & ~_loaded;
        if (columns == BatchColumns.Structure) return;
        _rows.Select(_rowStart, _rowCount);
        BlockReadException.Guard((Rows: _rows, Batch: batch, Columns: columns), static more =>
        {
            more.Rows.ReadMore(more.Batch, more.Columns);
            return true;
        }, _rows.OnDamage);
        _loaded |= columns;
        if (columns.HasFlag(BatchColumns.SpanAttributes)) LoadAll(batch, AttributeScope.Span);
        if (columns.HasFlag(BatchColumns.Resources)) LoadAll(batch, AttributeScope.Resource);
        if (columns.HasFlag(BatchColumns.Scopes)) LoadAll(batch, AttributeScope.Scope);
        if (columns.HasFlag(BatchColumns.Events)) LoadAll(batch, AttributeScope.Event);
        if (columns.HasFlag(BatchColumns.Links)) LoadAll(batch, AttributeScope.Link);
    }

    public void LoadAttributes(SpanBatch batch, AttributeScope scope, AttributeParts parts, ReadOnlySpan<ulong> places)
    {
        if (scope == AttributeScope.Event) Load(batch, BatchColumns.EventRows);
        if (scope == AttributeScope.Link) Load(batch, BatchColumns.LinkRows);
        var attributes = _attributes[(int)scope];
        if (attributes.Has(parts)) return;
        _rows.Select(_rowStart, _rowCount);
        try
        {
            attributes.Load(_rows, batch, parts, places);
        }
        catch (Exception e) when (BlockReadException.IsOfReading(e))
        {
            _rows.OnDamage?.Invoke(e);
            throw new BlockReadException(e.Message, e);
        }
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
        if (columns.HasFlag(BatchColumns.Resources)) columns |= BatchColumns.ResourceServiceNames;
        if (columns.HasFlag(BatchColumns.Scopes)) columns |= BatchColumns.ScopeNames;
        if (columns.HasFlag(BatchColumns.Events)) columns |= BatchColumns.EventRows;
        if (columns.HasFlag(BatchColumns.Links)) columns |= BatchColumns.LinkRows;
        return columns;
    }
}
