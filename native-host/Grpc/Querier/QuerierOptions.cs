using Tempo.Host.Tenancy;

namespace Tempo.Host.Grpc.Querier;

/// <summary>What the streaming queries go by.</summary>
/// <param name="MaxReceiveBytes">Largest request message.</param>
/// <param name="MaxPacketBytes">An answer larger than this is sent in several messages; one trace or series is never divided.</param>
/// <param name="Search">Limits of the searches.</param>
internal sealed record QuerierOptions(int MaxReceiveBytes, int MaxPacketBytes, QueryLimits Search)
{
    /// <summary>Time between two messages while a query runs, as in Tempo.</summary>
    public static readonly TimeSpan EmitInterval = TimeSpan.FromMilliseconds(500);
}
