using Microsoft.AspNetCore.Http;

namespace Tempo.Host.Http;

/// <summary>
/// Endpoints of Tempo that this version does not have. They answer 501 and say so, so that nobody takes a missing feature
/// for a wrong URL.
/// </summary>
internal static class NotYetEndpoint
{
    private static readonly (string Path, string Name, string Why)[] Endpoints =
    [
        ("/status/backendscheduler", "status_backendscheduler",
            "no scheduler hands out work, each compactor knows what is its own: /compactor/ring"),
        ("/partition-ring", "partition_ring", "partitions are of ingest through Kafka, which is not here; who is given which spans: /ingester/ring"),
        ("/live-store/prepare-partition-downscale", "live_store_prepare_partition_downscale",
            "partitions are of ingest through Kafka, which is not here; what a node holds when it is stopped goes to the store or stays in its log"),
        ("/live-store/prepare-downscale", "live_store_prepare_downscale",
            "what a node holds when it is stopped goes to the store or stays in its log"),
    ];

    public static IEnumerable<ApiRoute> Routes() =>
        Endpoints.Select(static e => new ApiRoute(e.Path, e.Name, AllowedMethods.Any, (context, _) =>
            PlainText.WriteAsync(context, StatusCodes.Status501NotImplemented, $"{e.Path} is not available in this version: {e.Why}\n")));
}
