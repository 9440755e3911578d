namespace Tempo.Engine.Parquet;

/// <summary>
/// Single indices of a page of dictionary indices, at ascending places; what lies between is not decoded. The caller compares an index
/// with the dictionary before it is used.
/// </summary>
public ref struct IndexCursor
{
    private readonly int _width;
    private HybridRuns _runs;
    private int _runStart;
    private int _runEnd;

    /// <param name="values">Width of an index in bits u8, then the hybrid runs.</param>
    /// <param name="count">Indices there are.</param>
    public IndexCursor(ReadOnlySpan<byte> values, int count)
    {
        // A width that cannot be has no runs: the first read fails.
        _width = values.IsEmpty || values[0] > 32 ? -1 : values[0];
        _runs = new HybridRuns(_width <= 0 ? [] : values[1..], Math.Max(_width, 0), count);
        if (_width == 0) _runEnd = count;
    }

    /// <summary>
    /// The index at <paramref name="place"/>, which is not before the last one asked for; false if the runs are malformed or end before.
    /// </summary>
    public bool TryRead(int place, out int index)
    {
        index = 0;
        while (place >= _runEnd)
        {
            if (_width <= 0 || !_runs.MoveNext()) return false;
            _runStart = _runEnd;
            _runEnd += _runs.Count;
        }

        if (_width > 0) index = (int)(_runs.IsRepeated ? _runs.Value : PackedMarks.NumberAt(_runs.Packed, place - _runStart, _width));
        return true;
    }
}
