namespace Tempo.Host.Grpc.Health;

/// <summary>
/// grpc.health.v1 (https://github.com/grpc/grpc/blob/master/doc/health-checking.md):
/// <code>
/// HealthCheckRequest  { string service = 1; }
/// HealthCheckResponse { ServingStatus status = 1; }      UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3;
/// </code>
/// Whatever service is asked for, the answer is that of the process, as in Tempo.
/// </summary>
internal static class HealthMessage
{
    public const string Service = "/grpc.health.v1.Health/";

    private const byte StatusTag = 1 << 3;
    private const byte Serving = 1;
    private const byte NotServing = 2;

    public static byte[] Response(bool isServing) => [StatusTag, isServing ? Serving : NotServing];
}
