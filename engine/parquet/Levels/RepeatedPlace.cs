namespace Tempo.Engine.Parquet;

/// <summary>
/// All that decides what repetition levels of the same bytes become: their largest, the page's entries and rows (and whether it begins
/// within one), the rows wanted.
/// </summary>
internal readonly record struct RepeatedPlace(
    int MaxLevel, int LevelCount, long FirstRow, int RowCount, bool ContinuesRow, long RowStart, long RowEnd);
