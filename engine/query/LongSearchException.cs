namespace Tempo.Engine.Query;

/// <summary>A search has read <see cref="SearchOptions.AloneBytes"/> and is not at its end.</summary>
public sealed class LongSearchException() : Exception("the search is long enough to be divided");
