namespace Tempo.SystemTests.Otlp;

/// <summary>A google.rpc.Status: <c>code=1, message=2, repeated Any details=3</c>.
/// https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto</summary>
internal sealed class RpcStatus(ProtobufFields fields)
{
    public const string RetryInfo = "type.googleapis.com/google.rpc.RetryInfo";
    public const string BadRequest = "type.googleapis.com/google.rpc.BadRequest";

    public int Code => (int)fields.Number(1);

    public string Message => fields.Text(2);

    /// <summary>The type urls of the details.</summary>
    public IReadOnlyList<string> Details => [.. fields.Messages(3).Select(any => any.Text(1))];
}
