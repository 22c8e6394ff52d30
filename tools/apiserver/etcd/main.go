// Command etcd is the store that kube-apiserver needs: etcd FOLDER CLIENT-PORT PEER-PORT.
package main

import (
	"log"
	"net/url"
	"os"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

func main() {
	c := embed.NewConfig()
	c.Dir = os.Args[1]
	u, _ := url.Parse("http://127.0.0.1:" + os.Args[2])
	p, _ := url.Parse("http://127.0.0.1:" + os.Args[3])
	c.ListenClientUrls = []url.URL{*u}
	c.AdvertiseClientUrls = []url.URL{*u}
	c.ListenPeerUrls = []url.URL{*p}
	c.AdvertisePeerUrls = []url.URL{*p}
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	c.LogLevel = "error"
	c.UnsafeNoFsync = true
	e, err := embed.StartEtcd(c)
	if err != nil {
		log.Fatal(err)
	}
	select {
	case <-e.Server.ReadyNotify():
		log.Print("ready")
	case <-time.After(60 * time.Second):
		log.Fatal("slow")
	}
	log.Fatal(<-e.Err())
}
