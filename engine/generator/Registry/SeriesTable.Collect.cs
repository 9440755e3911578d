namespace Tempo.Engine.Generator.Registry;

// Collection goes in slices, so that the lock is free in between: a pause is the encoding of one slice.
public sealed partial class SeriesTable
{
    /// <summary>Every number in the table is whole; set by who counts spans otherwise than once.</summary>
    public bool IsWhole { get; set; } = true;

    /// <summary>
    /// Shows the entities of rows [<paramref name="first"/>, first + <paramref name="count"/>) and marks their series as
    /// begun; those that nothing was added to since <paramref name="staleBeforeUnixMs"/> are shown as ending, and removed.
    /// False at the end of the table.
    /// </summary>
    public bool Collect(int first, int count, long staleBeforeUnixMs, ISeriesVisitor visitor)
    {
        var removed = 0;
        var end = Math.Min(first + count, _chunks.Count << SeriesChunk.SizeBits);
        for (var row = first; row < end; row++)
        {
            var chunk = _chunks[row >> SeriesChunk.SizeBits];
            var index = row & (SeriesChunk.Size - 1);
            if (!chunk.IsUsed[index]) continue;
            var ends = chunk.UpdatedUnixMs[index] < staleBeforeUnixMs;
            Show(chunk, index, (1 << SeriesSchema.MaxColumns) - 1, ends ? SeriesMoment.Ends : SeriesMoment.Lives, visitor);
            chunk.Fresh[index] = 0;
            if (!ends) continue;
            Remove(chunk, index, row);
            removed++;
        }

        if (removed > 0) AfterRemoval();
        return end < _chunks.Count << SeriesChunk.SizeBits;
    }

    /// <summary>Shows one metric of the entities in the rows, and changes nothing. False at the end of the table.</summary>
    public bool Look(int first, int count, int column, ISeriesVisitor visitor)
    {
        var end = Math.Min(first + count, _chunks.Count << SeriesChunk.SizeBits);
        for (var row = first; row < end; row++)
        {
            var chunk = _chunks[row >> SeriesChunk.SizeBits];
            var index = row & (SeriesChunk.Size - 1);
            if (chunk.IsUsed[index]) Show(chunk, index, 1 << column, SeriesMoment.Lives, visitor);
        }

        return end < _chunks.Count << SeriesChunk.SizeBits;
    }

    private void Show(SeriesChunk chunk, int index, int columns, SeriesMoment moment, ISeriesVisitor visitor)
    {
        columns &= chunk.Touched[index];
        if (columns == 0) return;
        visitor.Begin(new EntityLabels(Schema.Labels, chunk.Key(index)));
        for (var column = 0; column < Schema.Columns.Length; column++)
        {
            if ((columns >> column & 1) == 0) continue;
            // One that ends before it was ever shown has nothing to end.
            var isFresh = (chunk.Fresh[index] >> column & 1) != 0;
            if (isFresh && moment == SeriesMoment.Ends) continue;
            ShowColumn(chunk.Columns[column], Schema.Columns[column], index, isFresh ? SeriesMoment.Begins : moment, visitor);
        }
    }

    private void ShowColumn(ColumnChunk values, MetricColumn column, int index, SeriesMoment moment, ISeriesVisitor visitor)
    {
        if (column.Kind != MetricKind.Histogram)
        {
            visitor.Number(column, values.Value[index], moment);
            return;
        }

        var native = values.Native.Length > 0 ? values.Native[index] : null;
        visitor.Histogram(column, new HistogramView(values.Value[index], values.BucketsOf(index), values.ExemplarsOf(index), native, IsWhole), moment);
    }

    private void Remove(SeriesChunk chunk, int index, int row)
    {
        for (var column = 0; column < Schema.Columns.Length; column++)
            if ((chunk.Touched[index] >> column & 1) != 0) _budget.CountActive(-Schema.Columns[column].SeriesPerEntity);
        if (row == _overflowRow) _overflowRow = -1;
        else _budget.Release(Schema.SeriesPerEntity);
        chunk.Clear(index);
        _free.Push(row);
        _used--;
    }

    private void AfterRemoval()
    {
        Rehash();
        if (_caps is null) return;
        _caps.Clear();
        foreach (var chunk in _chunks)
            for (var i = 0; i < SeriesChunk.Size; i++)
                if (chunk.IsUsed[i] && chunk.Key(i) is not [0xFF, 0xFF]) _caps.Count(chunk.Key(i));
    }
}
