using Tempo.Engine.Storage.Blocks.Cache;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Read;

// Batches that bring in their columns when they are asked for: what a scan reads.
public sealed partial class RowGroupReader
{
    /// <summary>
    /// Reads of <paramref name="rowCount"/> traces from <paramref name="rowStart"/> what they are and which spans they have, with
    /// the status; the batch asks for all else through <see cref="SpanBatch.Loader"/>. That works as long as this reader is not
    /// used by another thread. The batch may be one that nobody reads any more; its memory is used again.
    /// </summary>
    public void OpenInto(SpanBatch batch, long rowStart, int rowCount)
    {
        if (KeepsEventsInMessages)
        {
            ReadInto(batch, rowStart, rowCount, BatchColumns.All);
            return;
        }

        var loader = batch.Loader as LazyColumns ?? new LazyColumns();
        batch.Clear();
        batch.Loader = loader;
        loader.Begin(this, batch, rowStart, rowCount);
        _columns.Select(rowStart, rowCount);
        if (!loader.TryLendOutline(batch))
        {
            BlockReadException.Guard((Rows: this, Batch: batch), static open => open.Rows.ReadOutline(open.Batch), _onDamage);
            loader.KeepOutline(batch);
        }

        EmptyRest(batch, loader);
    }

    /// <summary>What is kept of rows of this row group; null if nothing is.</summary>
    internal CachedPage? CachedPage(long rowStart, int rowCount) => Block.Cache?.Page(Block, Number, rowStart, rowCount);

    /// <summary>Hears of what cannot be read.</summary>
    internal Action<Exception>? OnDamage => _onDamage;

    /// <summary>vParquet3 keeps events and links in messages, which are decoded together.</summary>
    internal bool KeepsEventsInMessages => _columns.Has("rs.ss.Spans.Links");

    /// <summary>What the scope's owners have lies in messages, of which columns say nothing.</summary>
    internal bool KeepsInMessages(AttributeScope scope) => scope is AttributeScope.Event or AttributeScope.Link && KeepsEventsInMessages;

    internal bool KeepsInMessages(TextColumn column) => column == TextColumn.EventName && KeepsEventsInMessages;

    /// <summary>What can be said of the row group without reading pages.</summary>
    public RowGroupFacts Facts => field ??= new RowGroupFacts(this);

    /// <summary>What can be said of some of its rows without reading them; good until the next call.</summary>
    public PageFacts FactsOf(long rowStart, int rowCount) => (_pageFacts ??= new PageFacts(this)).Of(rowStart, rowCount);

    /// <summary>Keys that have a column of their own, and where it is; in the order in which these stand in a batch.</summary>
    internal DedicatedLeaf[] DedicatedLeaves => Block.DedicatedLeaves;

    /// <summary>Bytes of the file that were read so far, by the rows' share of each column chunk.</summary>
    public long ReadBytes => _columns.ReadBytes;

    /// <summary>Path of a leaf of a scope's attributes.</summary>
    internal static string AttributePath(AttributeScope scope, string leaf) => PrefixOf(scope) + "Attrs." + leaf;

    /// <summary>Says which rows are read from now on.</summary>
    internal void Select(long rowStart, int rowCount) => _columns.Select(rowStart, rowCount);

    internal static string PrefixOf(AttributeScope scope) => scope switch
    {
        AttributeScope.Resource => Resource,
        AttributeScope.Scope => Scope,
        AttributeScope.Event => Event,
        AttributeScope.Link => Link,
        _ => Span,
    };

    private SpanBatch ReadOutline(SpanBatch batch)
    {
        ReadTraces(batch);
        ReadStructure(batch);
        return batch;
    }

    // Until they are read, nobody has any.
    private void EmptyRest(SpanBatch batch, LazyColumns loader)
    {
        loader.EmptyOwners(batch);
        _dedicatedRead = 0;
        foreach (var leaf in Block.DedicatedLeaves)
            NextDedicated(batch, leaf.Scope, leaf.Key, leaf.Type).Empty(OwnerCount(batch, leaf.Scope));
        batch.Dedicated.RemoveRange(_dedicatedRead, batch.Dedicated.Count - _dedicatedRead);
        batch.Publish();
    }

    /// <summary>How many owners a scope's attributes have.</summary>
    internal static int OwnerCount(SpanBatch batch, AttributeScope scope) => scope switch
    {
        AttributeScope.Resource => batch.Resources.Count,
        AttributeScope.Scope => batch.Scopes.Count,
        AttributeScope.Event => batch.Events.Count,
        AttributeScope.Link => batch.Links.Count,
        _ => batch.SpanCount,
    };

    /// <summary>Fills one of the columns that <see cref="OpenInto"/> has only named.</summary>
    internal void ReadDedicated(SpanBatch batch, DedicatedColumn column)
    {
        var owners = OwnerCount(batch, column.Scope);
        var number = batch.Dedicated.IndexOf(column);
        if (number >= 0) ReadDedicated(column, Block.DedicatedLeaves[number].Path, owners);
    }

    private void ReadParentSigns(SpanBatch batch)
    {
        const string path = Span + "ParentID";
        _columns.Load(path);
        _columns.Expect(path, batch.SpanCount);
        var parents = _columns.Data.Int32s.AsSpan(0, batch.SpanCount);
        var signs = ColumnMemory.Take(ref batch.ParentSign, batch.SpanCount);
        for (var i = 0; i < signs.Length; i++) signs[i] = (byte)(1 + Math.Sign(parents[i]));
    }

    private void ReadRoots(SpanBatch batch)
    {
        _columns.Text("RootSpanName", batch.RootName, batch.TraceCount);
        _columns.Text("RootServiceName", batch.RootServiceName, batch.TraceCount);
    }

    private void ReadInts(string path, int count, ref int[] target)
    {
        _columns.Load(path);
        _columns.Expect(path, count);
        ColumnMemory.Copy(_columns.Data.Int32s.AsSpan(0, count), ref target);
    }

    private void ReadTreeNumbers(SpanBatch batch)
    {
        ReadInts(Span + "NestedSetLeft", batch.SpanCount, ref batch.TreeLeft);
        ReadInts(Span + "NestedSetRight", batch.SpanCount, ref batch.TreeRight);
        ReadInts(Span + "ParentID", batch.SpanCount, ref batch.TreeParent);
    }

    /// <summary>Reads whole columns that were not read yet, but for attributes.</summary>
    internal void ReadMore(SpanBatch batch, BatchColumns columns)
    {
        if (columns.HasFlag(BatchColumns.OwnSpanIds)) _columns.Ids(Span + "SpanID", batch.SpanCount, ref batch.SpanId);
        if (columns.HasFlag(BatchColumns.SpanIds)) _columns.Ids(Span + "ParentSpanID", batch.SpanCount, ref batch.ParentSpanId);
        if (columns.HasFlag(BatchColumns.Starts)) ReadStarts(batch);
        if (columns.HasFlag(BatchColumns.Durations)) ReadDurations(batch);
        if (columns.HasFlag(BatchColumns.Kind)) ReadKinds(batch);
        if (columns.HasFlag(BatchColumns.ParentSigns)) ReadParentSigns(batch);
        if (columns.HasFlag(BatchColumns.Roots)) ReadRoots(batch);
        if (columns.HasFlag(BatchColumns.ChildCounts)) ReadInts(Span + "ChildCount", batch.SpanCount, ref batch.ChildCount);
        if (columns.HasFlag(BatchColumns.TreeNumbers)) ReadTreeNumbers(batch);
        if (columns.HasFlag(BatchColumns.Name)) _columns.Text(Span + "Name", batch.Name, batch.SpanCount);
        if (columns.HasFlag(BatchColumns.StatusMessage)) _columns.Text(Span + "StatusMessage", batch.StatusMessage, batch.SpanCount);
        if (columns.HasFlag(BatchColumns.TraceState)) _columns.Text(Span + "TraceState", batch.TraceState, batch.SpanCount);
        if (columns.HasFlag(BatchColumns.ResourceServiceNames)) ReadServiceNames(batch.Resources);
        if (columns.HasFlag(BatchColumns.Resources))
            _columns.CountsOrNone(Resource + "DroppedAttributesCount", batch.Resources.Count, ref batch.Resources.DroppedAttributes);
        if (columns.HasFlag(BatchColumns.ScopeNames)) ReadScopeNames(batch.Scopes);
        if (columns.HasFlag(BatchColumns.Scopes))
            _columns.CountsOrNone(Scope + "DroppedAttributesCount", batch.Scopes.Count, ref batch.Scopes.DroppedAttributes);
        if (columns.HasFlag(BatchColumns.EventRows))
        {
            ReadEventRows(batch);
            ColumnMemory.TakeZeroed(ref batch.Events.AttributeStart, batch.Events.Count + 1);
            foreach (var column in batch.Dedicated)
                if (column.Scope == AttributeScope.Event)
                    column.Empty(batch.Events.Count);
        }

        if (columns.HasFlag(BatchColumns.Events))
            _columns.Counts(Event + "DroppedAttributesCount", batch.Events.Count, ref batch.Events.DroppedAttributes);
        if (columns.HasFlag(BatchColumns.LinkRows))
        {
            ReadLinkRows(batch);
            ColumnMemory.TakeZeroed(ref batch.Links.AttributeStart, batch.Links.Count + 1);
        }

        if (columns.HasFlag(BatchColumns.Links))
            _columns.Counts(Link + "DroppedAttributesCount", batch.Links.Count, ref batch.Links.DroppedAttributes);
        if (columns.HasFlag(BatchColumns.Dropped)) ReadDropped(batch, columns);
    }
}
