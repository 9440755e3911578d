namespace Tempo.Engine.Query.Search;

/// <summary>The time that a search asks for.</summary>
internal static class TimeRange
{
    private const ulong SecondNano = 1_000_000_000;

    public static bool Overlaps(SearchRequest request, ulong startUnixNano, ulong endUnixNano) =>
        (request.HasNoEnd || startUnixNano <= request.EndSeconds * SecondNano)
        && (request.StartSeconds == 0 || endUnixNano >= request.StartSeconds * SecondNano);
}
