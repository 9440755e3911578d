using System.Numerics;
using Tempo.Host.Config;

namespace Tempo.Host.Http;

/// <summary>Where ranges of searches and tags end when they reach to the present, see <see cref="SearchLimits.QueryEndCutoff"/>.</summary>
internal static class RecentEnd
{
    /// <summary>The newest unix second that is looked at.</summary>
    public static long Seconds(DateTimeOffset now, SearchLimits limits) =>
        // Without a cutoff rounded up: a span of this very second is recent too.
        limits.QueryEndCutoff == TimeSpan.Zero ? now.ToUnixTimeSeconds() + 1 : (now - limits.QueryEndCutoff).ToUnixTimeSeconds();

    /// <summary>A range that was asked for, cut back. One that lies wholly behind the cut becomes the default range, as in Tempo.</summary>
    public static (T Start, T End) Cut<T>(T start, T end, T newest, SearchLimits limits)
        where T : IBinaryInteger<T>
    {
        if (limits.QueryEndCutoff == TimeSpan.Zero || end <= newest) return (start, end);
        return start < newest
            ? (start, newest)
            : (T.CreateSaturating(long.CreateChecked(newest) - (long)limits.DefaultDuration.TotalSeconds), newest);
    }
}
