using Amazon;
using Amazon.Runtime;
using Amazon.S3;

namespace Tempo.Engine.ObjectStore;

/// <summary>Makes the client of the AWS SDK from options.</summary>
internal static class S3Client
{
    private const string DefaultRegion = "us-east-1";

    public static AmazonS3Client Create(S3Options options)
    {
        var region = options.Region.Length > 0 ? options.Region : DefaultRegion;
        var config = new AmazonS3Config
        {
            ForcePathStyle = options.ForcePathStyle,
            // Attempts, deadlines and back-off are RemoteAttempts', the same for all stores.
            MaxErrorRetry = 0,
            Timeout = Timeout.InfiniteTimeSpan,
            // Newer checksums only where Amazon insists: compatible servers refuse the trailers.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            HttpClientFactory = new BoundedClients(),
        };
        if (options.Endpoint.Length == 0)
        {
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(region);
        }
        else
        {
            config.ServiceURL = options.Endpoint.Contains("://", StringComparison.Ordinal)
                ? options.Endpoint
                : (options.IsInsecure ? "http://" : "https://") + options.Endpoint;
            config.AuthenticationRegion = region;
        }

        return new AmazonS3Client(Credentials(options), config);
    }

    // Keys in the configuration win; else what the environment, a web identity, a profile or the machine gives.
    private static AWSCredentials Credentials(S3Options options) => options switch
    {
        { AccessKey.Length: 0 } => new S3Identity(),
        { SessionToken.Length: > 0 } => new SessionAWSCredentials(options.AccessKey, options.SecretKey, options.SessionToken),
        _ => new BasicAWSCredentials(options.AccessKey, options.SecretKey),
    };

    // The SDK keeps them with the client, and disposes of them with it.
    internal sealed class BoundedClients : HttpClientFactory
    {
        public override HttpClient CreateHttpClient(IClientConfig clientConfig) => BoundedAnswers.NewClient();
    }
}
