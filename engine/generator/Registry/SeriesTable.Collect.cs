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
        }

        return end < _chunks.Count << SeriesChunk.SizeBits;
    }

    /// <summary>
    /// Gives its room to others now: what is left of it is to be shown a last time, and with its end. Its series count as removed.
    /// </summary>
    internal void LeaveBudget()
    {
        _budget.Release(_overflowRow >= 0 ? _used - 1 : _used, Schema.SeriesPerEntity, _active);
        _budget = new SeriesBudget();
    }

    /// <summary>See <see cref="RecentDistinct.Turn"/>.</summary>
    internal void TurnRefused() => _caps?.TurnRefused();

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
        visitor.Histogram(
            column, new HistogramView(values.Value[index], values.BucketsOf(index), values.ExemplarsOf(index), native, IsWhole), moment);
    }

    private void Remove(SeriesChunk chunk, int index, int row)
    {
        for (var column = 0; column < Schema.Columns.Length; column++)
            if ((chunk.Touched[index] >> column & 1) != 0) CountActive(-Schema.Columns[column].SeriesPerEntity);
        RemoveFromSlots(chunk.Hash[index], row);
        if (row == _overflowRow)
        {
            _overflowRow = -1;
        }
        else
        {
            _budget.Release(Schema.SeriesPerEntity);
            _caps?.Forget(chunk.Key(index));
        }

        chunk.Clear(index);
        _free.Push(row);
        _used--;
    }

    // Moves the rest of the run back into the hole: a removal costs what a look-up does, however large the table.
    private void RemoveFromSlots(ulong hash, int row)
    {
        var mask = _slots.Length - 1;
        var hole = (int)hash & mask;
        while ((uint)_slots[hole] != (uint)(row + 1)) hole = (hole + 1) & mask;
        for (var i = (hole + 1) & mask; _slots[i] != 0; i = (i + 1) & mask)
        {
            var other = (int)(uint)_slots[i] - 1;
            var home = (int)_chunks[other >> SeriesChunk.SizeBits].Hash[other & (SeriesChunk.Size - 1)] & mask;
            // It may move into the hole unless its home lies behind the hole, within the run.
            if (((i - home) & mask) < ((i - hole) & mask)) continue;
            _slots[hole] = _slots[i];
            hole = i;
        }

        _slots[hole] = 0;
    }
}
