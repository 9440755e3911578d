namespace Tempo.Engine.Parquet;

/// <summary>
/// A data page in the file and the rows it holds. <see cref="ContinuesRow"/>: its first entries belong to the row before
/// <see cref="FirstRow"/>, which writers without an offset index may do.
/// </summary>
internal readonly record struct PageSpan(long Offset, int SizeBytes, long FirstRow, int RowCount, bool ContinuesRow)
{
    public bool BeginsBefore(long row) => FirstRow - (ContinuesRow ? 1 : 0) < row;

    public bool EndsAfter(long row) => FirstRow + RowCount > row;
}
